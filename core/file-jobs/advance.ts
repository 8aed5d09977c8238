/**
 * Moves a job on by what its rows say: uploaded -> cut -> parts -> joined. Called at every end of a row, by events of S3 and
 * by the keeper; each step can be done again, and whoever dies in the middle is followed by somebody who goes on.
 *
 * Gotchas:
 * - The same content with the same wishes is heard once: the first job does it, the others of the user share the result. Ends
 *   that job without one, the next of them takes over with the parts that it has already.
 * - A part that is dead ends the job. What waits still is taken away, what is done stays: a retry begins with that.
 */
import { createHash } from 'node:crypto';
import { pendingShard } from '../chunk-cache/ingest.ts';
import type { JobRow, Manifest } from '../contracts/jobs.ts';
import type { Lane } from '../contracts/lanes.ts';
import type { ChunkRow } from '../contracts/rows.ts';
import type { FileTranscript } from '../contracts/transcript.ts';
import { dueWhenStuck, ended, isOpen, movement, standing, update } from './job.ts';
import { joinParts } from './join.ts';
import type { JobDeps } from './ports.ts';

const laneOf = ({ priority }: JobRow): Lane => (priority === 'urgent' ? 'files-urgent' : 'files');

/** Fences of a retry are above those of the round before: nobody of then can write now. */
const FENCES_PER_ROUND = 1000;

function rowOf(job: JobRow, number: number, object: { key: string; etag: string; size_bytes: number }, nowMs: number): ChunkRow {
  return {
    session_id: job.job_id,
    chunk_number: number,
    user_id: job.user_id,
    state: 'pending',
    lane: laneOf(job),
    object_key: object.key,
    etag: object.etag,
    size_bytes: object.size_bytes,
    uploaded_at_ms: job.uploaded_at_ms ?? nowMs,
    attempts: 0,
    fence: job.round * FENCES_PER_ROUND,
    queued_at_ms: nowMs,
    next_attempt_at_ms: 0,
    pending_shard: pendingShard(job.job_id),
    ...(job.language !== undefined && { language: job.language }),
    ...(job.diarize && { diarize: true }),
    ...(job.model !== undefined && { model: job.model }),
    ...(job.prompt !== undefined && { prompt: job.prompt }),
    ...(job.hotwords !== undefined && { hotwords: job.hotwords }),
    ...(number === 0 && job.compress && { compress: true }),
  };
}

/** Names the content and what is asked of it; another user's is another content. */
const contentId = (job: JobRow, sha256: string): string =>
  createHash('sha256')
    .update(JSON.stringify([job.user_id, sha256, job.language, job.model, job.prompt, job.hotwords, job.diarize ?? false]))
    .digest('base64url');

async function insertAndSend(deps: JobDeps, job: JobRow, rows: readonly ChunkRow[]): Promise<void> {
  const fresh: { sessionId: string; chunkNumber: number }[] = [];
  for (const row of rows) {
    const outcome = await deps.chunks.insert(row);
    const isNew = outcome.kind === 'inserted' || (outcome.row.state === 'pending' && outcome.row.attempts === 0);
    if (isNew) fresh.push({ sessionId: row.session_id, chunkNumber: row.chunk_number });
  }
  if (fresh.length === 0) return;
  await deps.queue.sendMany(laneOf(job), fresh);
  await deps.wake();
}

/** The file itself waits to be cut. */
async function queueSource(deps: JobDeps, job: JobRow): Promise<void> {
  const object = { key: job.object_key, etag: job.etag ?? '', size_bytes: job.size_bytes };
  await insertAndSend(deps, job, [rowOf(job, 0, object, deps.nowMs())]);
}

/** The upload is there; false when it is not. */
export async function takeUpload(deps: JobDeps, jobId: string): Promise<boolean> {
  const job = await deps.jobs.get(jobId);
  if (job === undefined || !isOpen(job)) return true;
  const object = await deps.files.head(job.object_key);
  if (object === undefined) return false;
  if (object.sizeBytes !== job.size_bytes) {
    await failJob(deps, jobId, `the uploaded file has ${object.sizeBytes} bytes instead of the ${job.size_bytes} that were said`);
    return true;
  }
  const nowMs = deps.nowMs();
  const taken = await update(deps, jobId, (now) => {
    if (!isOpen(now)) return undefined;
    if (now.uploaded_at_ms !== undefined) return now;
    const { upload_id: _done, ...rest } = now;
    return dueWhenStuck({ ...rest, uploaded_at_ms: nowMs, etag: object.etag, stage: 'Queued', moved_at_ms: nowMs }, nowMs);
  });
  if (taken !== undefined) await queueSource(deps, taken);
  return true;
}

/** Ends a job without a result; those who share it go on without it. */
export async function failJob(deps: JobDeps, jobId: string, error: string): Promise<void> {
  const failed = await update(deps, jobId, (now) => (isOpen(now) ? ended(now, 'failed', deps.nowMs(), error) : undefined));
  if (failed === undefined) return;
  await deps.noteEnd(failed);
  const rows = await deps.chunks.listOf(jobId);
  await deps.chunks.removeRows(rows.filter(({ state }) => state !== 'done'));
  await tellSharers(deps, failed);
}

/** Those who share the job's content take its result, or take its work over. */
export async function tellSharers(deps: JobDeps, job: JobRow): Promise<void> {
  if (job.content_id === undefined) return;
  for (const other of await deps.jobs.askersOf(job.content_id)) if (other !== job.job_id) await advance(deps, other);
}

const partRows = (job: JobRow, manifest: Manifest, nowMs: number): ChunkRow[] =>
  manifest.parts.map((part) => ({
    ...rowOf(job, part.number, part, nowMs),
    said_seconds: part.end - part.start,
    overlap_ms: Math.round(part.overlap_s * 1000),
  }));

/** What another job has heard of the same content; `taken-over`: nobody does, so this one must. */
async function share(deps: JobDeps, job: JobRow, contentId: string): Promise<'completed' | 'waits' | 'taken-over'> {
  for (let owner = await deps.jobs.claimContent(contentId, job.job_id); ; ) {
    if (owner === job.job_id) return 'taken-over';
    const other = await deps.jobs.get(owner);
    if (other !== undefined && isOpen(other)) {
      await update(deps, job.job_id, (now) => (isOpen(now) && now.same_as !== owner ? { ...now, same_as: owner } : undefined));
      return 'waits';
    }
    if (other?.status === 'completed') {
      const transcript = await deps.files.readTranscript(other);
      if (transcript !== undefined) {
        await complete(deps, { ...job, same_as: owner }, { ...transcript, jobId: job.job_id });
        return 'completed';
      }
    }
    owner = await deps.jobs.claimContent(contentId, job.job_id, owner);
  }
}

async function complete(deps: JobDeps, job: JobRow, transcript: FileTranscript, compressed?: string): Promise<void> {
  await deps.files.writeTranscript(job, transcript);
  const object_key = compressed === undefined ? job.object_key : await deps.files.keepCompressed(job, compressed);
  const done = await update(deps, job.job_id, (now) =>
    isOpen(now)
      ? ended({ ...now, object_key, ...(job.same_as !== undefined && { same_as: job.same_as }) }, 'completed', deps.nowMs())
      : undefined,
  );
  if (done === undefined) {
    // Cancelled or deleted meanwhile: then nothing of it stays.
    const now = await deps.jobs.get(job.job_id);
    if (now?.status !== 'completed') await deps.files.removeAll(job);
    return;
  }
  await deps.noteEnd(done);
  await deps.files.removeResults(done);
  await tellSharers(deps, done);
}

async function finish(deps: JobDeps, job: JobRow, rows: readonly ChunkRow[], compressed?: string): Promise<void> {
  const parts = rows.filter((row) => row.chunk_number > 0);
  const heard = await Promise.all(
    parts.map(async (row) => ({
      result: await deps.files.readResult(row.result_key ?? ''),
      overlapSeconds: (row.overlap_ms ?? 0) / 1000,
    })),
  );
  await complete(deps, job, joinParts(job.job_id, heard), compressed);
}

export async function advance(deps: JobDeps, jobId: string): Promise<void> {
  const job = await deps.jobs.get(jobId);
  if (job === undefined || !isOpen(job) || job.uploaded_at_ms === undefined) return;
  const rows = await deps.chunks.listOf(jobId);
  const source = rows.find((row) => row.chunk_number === 0);
  if (source === undefined) return queueSource(deps, job);
  const dead = rows.find(({ state }) => state === 'dead');
  if (dead !== undefined) return failJob(deps, jobId, dead.error_message ?? 'it could not be transcribed');
  if (source.state !== 'done') return;
  const manifest = await deps.files.readManifest(source.result_key ?? '');
  // S3 checks what comes in one piece; of parts only the worker has seen the whole.
  if (job.sha256 !== undefined && job.sha256 !== Buffer.from(manifest.sha256, 'hex').toString('base64'))
    return failJob(deps, jobId, 'the uploaded file has another SHA-256 than was said');
  const known = job.part_count === undefined ? await noteCut(deps, job, source, manifest) : job;
  if (known === undefined) return;
  if ((await share(deps, known, known.content_id ?? '')) !== 'taken-over') return;
  const there = new Set(rows.map((row) => row.chunk_number));
  const missing = partRows(known, manifest, deps.nowMs()).filter((row) => !there.has(row.chunk_number));
  await insertAndSend(deps, known, missing);
  await noteProgress(deps, jobId);
  const isHeard = missing.length === 0 && rows.every(({ state }) => state === 'done');
  if (isHeard) await finish(deps, known, rows, manifest.compressed?.key);
}

/** The first time that the parts are known; their length counts against the user's day. */
async function noteCut(deps: JobDeps, job: JobRow, source: ChunkRow, manifest: Manifest): Promise<JobRow | undefined> {
  let isFirst = false;
  const known = await update(deps, job.job_id, (now) => {
    if (!isOpen(now)) return undefined;
    isFirst = now.part_count === undefined;
    return {
      ...now,
      status: 'processing',
      started_at_ms: now.started_at_ms ?? source.claimed_at_ms ?? deps.nowMs(),
      seconds: manifest.seconds,
      part_count: manifest.parts.length,
      content_id: contentId(now, manifest.sha256),
    };
  });
  if (known !== undefined && isFirst) await deps.countSeconds(job.user_id, manifest.seconds);
  return known;
}

/** Keeps how far it is, and that it moves; progress never goes down. */
async function noteProgress(deps: Pick<JobDeps, 'jobs' | 'chunks' | 'nowMs'>, jobId: string): Promise<boolean> {
  const rows = await deps.chunks.listOf(jobId);
  const to = movement(rows);
  const nowMs = deps.nowMs();
  const moved = await update(deps, jobId, (now) => {
    if (!isOpen(now) || now.moved_to === to) return undefined;
    const { progress, stage } = standing(now, rows);
    const further = progress >= now.progress ? { progress, stage } : {};
    return dueWhenStuck({ ...now, ...further, moved_to: to, moved_at_ms: nowMs, resumes: 0 }, nowMs);
  });
  return moved !== undefined;
}
