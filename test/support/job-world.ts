/** File jobs in memory: stores, uploads, and a worker that the test calls. */
import { type JobRow, MAX_SHARING_JOBS, type Manifest } from '../../core/contracts/jobs.ts';
import type { ChunkRow } from '../../core/contracts/rows.ts';
import type { ChunkTranscript, StoredFileTranscript } from '../../core/contracts/transcript.ts';
import { DomainError } from '../../core/errors.ts';
import { countSeconds } from '../../core/file-jobs/begin.ts';
import type { JobDueDeps } from '../../core/file-jobs/due.ts';
import type { FileObjects, IdempotencyRecord, JobStore, PartUploads, UploadPart } from '../../core/file-jobs/ports.ts';
import { noteFileEnd } from '../../core/file-jobs/statistics.ts';
import type { StoredEdits } from '../../core/transcripts/outcomes.ts';
import { memoryChunkStore, memoryQueue, memoryUsageCounter } from './memory-stores.ts';

export function memoryJobStore(): JobStore {
  const rows = new Map<string, JobRow>();
  const keys = new Map<string, IdempotencyRecord>();
  const contents = new Map<string, { owner: string; jobIds: Set<string> }>();
  return {
    async create(row) {
      if (rows.has(row.job_id)) return false;
      rows.set(row.job_id, row);
      return true;
    },
    get: async (jobId) => rows.get(jobId),
    async replace(was, now) {
      if (rows.get(was.job_id)?.version !== was.version) return false;
      rows.set(now.job_id, now);
      return true;
    },
    async listOf(userId, limit, cursor, status) {
      const from = cursor === undefined ? 0 : Number(cursor);
      if (!Number.isInteger(from)) throw new DomainError('malformed', 'the cursor is invalid');
      const mine = [...rows.values()]
        .filter((row) => row.user_id === userId && (status === undefined ? row.status !== 'deleted' : row.status === status))
        .sort((a, b) => b.created_at_ms - a.created_at_ms);
      return { items: mine.slice(from, from + limit), ...(from + limit < mine.length && { cursor: String(from + limit) }) };
    },
    countOpen: async (userId) => [...rows.values()].filter(({ open_of }) => open_of === userId).length,
    listDue: async (nowMs, limit) =>
      [...rows.values()]
        .filter(({ due_shard, due_at_ms = 0 }) => due_shard !== undefined && due_at_ms <= nowMs)
        .sort((a, b) => (a.due_at_ms ?? 0) - (b.due_at_ms ?? 0))
        .slice(0, limit),
    listStuck: async (limit) =>
      [...rows.values()].filter(({ resumes, open_of }) => resumes > 0 && open_of !== undefined).slice(0, limit),
    async remember(key, made) {
      const known = keys.get(key) ?? made;
      keys.set(key, known);
      return known;
    },
    async claimContent(contentId, jobId, instead) {
      const row = contents.get(contentId) ?? { owner: jobId, jobIds: new Set() };
      if (row.owner === instead) row.owner = jobId;
      if (row.jobIds.size >= MAX_SHARING_JOBS && !row.jobIds.has(jobId)) return jobId;
      row.jobIds.add(jobId);
      contents.set(contentId, row);
      return row.owner;
    },
    jobsSharing: async (contentId) => [...(contents.get(contentId)?.jobIds ?? [])],
  };
}

/** The bucket: sizes of uploads by key, and the JSON that workers and functions write. */
function memoryFiles() {
  const sizes = new Map<string, number>();
  const json = new Map<string, unknown>();
  const folder = (job: JobRow): string => job.object_key.replace(/source[.]\w+$/, '');
  const removeBelow = async (prefix: string): Promise<void> => {
    for (const store of [sizes, json]) for (const key of store.keys()) if (key.startsWith(prefix)) store.delete(key);
  };
  const files: FileObjects = {
    head: async (key) => (sizes.has(key) ? { etag: `etag of ${key}`, sizeBytes: sizes.get(key) ?? 0 } : undefined),
    readManifest: async (key) => json.get(key) as Manifest,
    readResult: async (key) => json.get(key) as ChunkTranscript,
    readTranscript: async (job) => json.get(`${folder(job)}transcription.json`) as StoredFileTranscript | undefined,
    writeTranscript: async (job, transcript) => void json.set(`${folder(job)}transcription.json`, transcript),
    readEdits: async (job) => json.get(`${folder(job)}edits.json`) as StoredEdits | undefined,
    async writeEdits(job, changes, replaces) {
      const key = `${folder(job)}edits.json`;
      if ((json.get(key) as StoredEdits | undefined)?.tag !== replaces) return false;
      json.set(key, { ...changes, tag: `tag-${changes.version}` });
      return true;
    },
    async keepCompressed(job) {
      sizes.delete(job.object_key);
      sizes.set(`${folder(job)}source.ogg`, 1);
      return `${folder(job)}source.ogg`;
    },
    removeResults: (job) => removeBelow(`${folder(job)}results/`),
    removeAll: (job) => removeBelow(folder(job)),
  };
  return { files, sizes, json };
}

function memoryUploads(sizes: Map<string, number>) {
  const open = new Map<string, UploadPart[]>();
  let begun = 0;
  const uploads: PartUploads = {
    async begin() {
      const id = `upload-${++begun}`;
      open.set(id, []);
      return id;
    },
    list: async (_key, id) => open.get(id) ?? [],
    async complete(key, id, parts) {
      if (!open.delete(id)) return false;
      sizes.set(
        key,
        parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      );
      return true;
    },
    abort: async (_key, id) => void open.delete(id),
  };
  return { uploads, open };
}

const text = (words: string, seconds: number): ChunkTranscript => ({
  sessionId: '',
  chunkNumber: 0,
  language: 'en',
  duration_seconds: seconds,
  model: 'm',
  text: words,
  segments: [
    {
      id: 0,
      start: 0,
      end: seconds,
      text: words,
      avg_logprob: 0,
      no_speech_prob: 0,
      compression_ratio: 1,
      words: words.split(' ').map((word, i) => ({ word: ` ${word}`, start: i, end: i + 0.5, probability: 1 })),
    },
  ],
});

export function jobWorld() {
  const chunks = memoryChunkStore();
  const queue = memoryQueue();
  const usage = memoryUsageCounter();
  const { files, sizes, json } = memoryFiles();
  const { uploads, open } = memoryUploads(sizes);
  let nowMs = Date.UTC(2026, 2, 1, 12);
  const held = { back: false };
  const deps: JobDueDeps = {
    jobs: memoryJobStore(),
    chunks,
    files,
    uploads,
    queue,
    wake: async () => undefined,
    countSeconds: countSeconds({ usage, nowMs: () => nowMs }),
    noteEnd: (job) => noteFileEnd({ usage, nowMs: () => nowMs }, job),
    isHeldBack: async () => held.back,
    nowMs: () => nowMs,
  };
  const markDone = (row: ChunkRow, result_key: string, more: Partial<ChunkRow> = {}): void => {
    const { pending_shard: _none, ...rest } = row;
    chunks.put({ ...rest, state: 'done', fence: row.fence + 1, attempts: 1, result_key, ...more });
  };
  return {
    ...deps,
    chunks,
    queue,
    usage,
    sizes,
    json,
    open,
    held,
    pass: (ms: number): void => {
      nowMs += ms;
    },
    /** The worker has cut the file into parts of these lengths. `sha256` is the hash of the content. */
    async cut(
      jobId: string,
      seconds: readonly number[],
      sha256 = jobId,
      more: Partial<Manifest> = {},
      damaged: Readonly<Record<number, Manifest['parts'][number]['damaged']>> = {},
    ): Promise<void> {
      const row = await chunks.get(jobId, 0);
      if (row === undefined) throw new Error('the file has no row');
      const folder = row.object_key.replace(/source[.]\w+$/, 'results/');
      const key = `${folder}000.${row.fence + 1}.json`;
      let at = 0;
      const parts = seconds.map((length, i) => {
        const start = at;
        at += length;
        return {
          number: i + 1,
          key: `${folder}part-${i + 1}.flac`,
          etag: `part ${i + 1}`,
          size_bytes: 1,
          start,
          end: at,
          overlap_s: 0,
          ...(damaged[i + 1] !== undefined && { damaged: damaged[i + 1] }),
        };
      });
      json.set(key, { seconds: at, sha256, parts, ...more });
      markDone(row, key, { claimed_at_ms: nowMs, duration_seconds: at });
    },
    /** The worker has transcribed a part as these words, or with this result. */
    async transcribedPart(jobId: string, part: number, result: string | ChunkTranscript): Promise<void> {
      const row = await chunks.get(jobId, part);
      if (row === undefined) throw new Error('no such part');
      const key = `${row.object_key}.json`;
      json.set(key, typeof result === 'string' ? text(result, row.said_seconds ?? 0) : result);
      markDone(row, key);
    },
    /** A part, or the file itself (number 0), has failed permanently. */
    async failed(jobId: string, number: number, error_message: string): Promise<void> {
      const row = await chunks.get(jobId, number);
      if (row === undefined) throw new Error('no such row');
      const { pending_shard: _none, ...rest } = row;
      chunks.put({ ...rest, state: 'dead', error_message });
    },
  };
}
export type JobWorld = ReturnType<typeof jobWorld>;
