/**
 * Advances a job by the state of its rows. Row 0 is the file itself, the other rows are its parts:
 *   uploaded, row 0 waits -> row 0 done, the file is cut -> parts wait -> all parts done, results are joined -> completed
 *
 * Called when a row ends, by S3 events and by the session keeper. Every step is idempotent: if a caller dies, the next continues.
 *
 * Gotchas:
 * - A user's jobs with the same content and options share one transcription: the first job owns it, the others copy its result.
 *   If the owner ends without a result, another of them becomes the owner and continues with the parts that it already has.
 * - A permanently failed part fails the job. Its unfinished rows are removed; finished ones stay, and a retry starts from them.
 */

import { createHash } from 'node:crypto';
import pMap from 'p-map';
import { pendingShard } from '../chunk-cache/rows.ts';
import type { JobRow, Manifest } from '../contracts/jobs.ts';
import type { Lane } from '../contracts/lanes.ts';
import type { ChunkRow } from '../contracts/rows.ts';
import type { ChunkTranscript, StoredFileTranscript } from '../contracts/transcript.ts';
import { recordedOf, sameSpeakerNumbers } from '../recording-options.ts';
import { dueWhenStuck, endedJob, isOpen, update } from './job.ts';
import { joinParts } from './join.ts';
import type { JobDeps } from './ports.ts';
import { progressOf, rowsFingerprint } from './progress.ts';
import { FENCES_PER_ROUND, isCurrentRow, isRetranscribing, workOf } from './work.ts';

const ROWS_AT_ONCE = 16;

const laneOf = ({ priority }: JobRow): Lane => (priority === 'urgent' ? 'files-urgent' : 'files');

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
    ...sameSpeakerNumbers(job),
    ...(job.channels !== undefined && { channels: job.channels }),
    ...(job.model !== undefined && { model: job.model }),
    ...(job.prompt !== undefined && { prompt: job.prompt }),
    ...(job.hotwords !== undefined && { hotwords: job.hotwords }),
    ...(number === 0 && job.compress && { compress: true }),
  };
}

/** Hash of content, options, user and engine version. Jobs with the same one share a transcription. */
function contentId(job: JobRow, { sha256, engine }: Manifest): string {
  const options = [job.user_id, sha256, job.language, job.model, job.prompt, job.hotwords, job.diarize ?? false];
  const newer = [engine, job.channels].filter((option) => option !== undefined);
  const numbers = Object.entries(sameSpeakerNumbers(job)).flat();
  return createHash('sha256')
    .update(JSON.stringify([...options, ...newer, ...numbers]))
    .digest('base64url');
}

/** Inserts a row or replaces the one of an earlier transcription, keeping its waveform. Returns whether a message is needed. */
async function insertOrReplace(deps: JobDeps, job: JobRow, row: ChunkRow): Promise<boolean> {
  const outcome = await deps.chunks.insert(row);
  if (outcome.kind === 'inserted') return true;
  const { row: was } = outcome;
  if (isCurrentRow(job, was)) return was.state === 'pending' && was.attempts === 0;
  const { peaks, duration_seconds } = was;
  const kept = { ...(peaks !== undefined && { peaks }), ...(duration_seconds !== undefined && { duration_seconds }) };
  return deps.chunks.replace(was, { ...row, ...kept });
}

async function insertAndSend(deps: JobDeps, job: JobRow, rows: readonly ChunkRow[]): Promise<void> {
  const needed = new Set<ChunkRow>();
  const insert = async (row: ChunkRow): Promise<void> => {
    if (await insertOrReplace(deps, job, row)) needed.add(row);
  };
  await pMap(rows, insert, { concurrency: ROWS_AT_ONCE });
  const fresh = rows.filter((row) => needed.has(row));
  if (fresh.length === 0) return;
  await deps.queue.sendMany(
    laneOf(job),
    fresh.map(({ session_id, chunk_number }) => ({ sessionId: session_id, chunkNumber: chunk_number })),
  );
  await deps.wake();
}

/** Queues the file itself, to be cut. */
async function queueSource(deps: JobDeps, job: JobRow): Promise<void> {
  const object = { key: job.object_key, etag: job.etag ?? '', size_bytes: job.size_bytes };
  await insertAndSend(deps, job, [rowOf(job, 0, object, deps.nowMs())]);
}

/** Accepts a complete upload and queues the file. Returns false if the object does not exist. */
export async function acceptUpload(deps: JobDeps, jobId: string): Promise<boolean> {
  const job = await deps.jobs.get(jobId);
  if (job === undefined || !isOpen(job)) return true;
  const object = await deps.files.head(job.object_key);
  if (object === undefined) return false;
  if (object.sizeBytes !== job.size_bytes) {
    await failJob(deps, jobId, `the uploaded file has ${object.sizeBytes} bytes instead of the declared ${job.size_bytes}`);
    return true;
  }
  const nowMs = deps.nowMs();
  const accepted = await update(deps, jobId, (now) => {
    if (!isOpen(now)) return undefined;
    if (now.uploaded_at_ms !== undefined) return now;
    const { upload_id: _done, ...rest } = now;
    return dueWhenStuck({ ...rest, uploaded_at_ms: nowMs, etag: object.etag, stage: 'Queued', moved_at_ms: nowMs }, nowMs);
  });
  if (accepted !== undefined) await queueSource(deps, accepted);
  return true;
}

/** Fails a job. The jobs that share its content continue without it. */
export async function failJob(deps: JobDeps, jobId: string, error: string): Promise<void> {
  const failed = await update(deps, jobId, (now) => (isOpen(now) ? endedJob(now, 'failed', deps.nowMs(), error) : undefined));
  if (failed === undefined) return;
  if (failed.again === undefined) await deps.noteEnd(failed);
  const rows = await deps.chunks.listOf(jobId);
  await deps.chunks.removeRows(rows.filter(({ state }) => state !== 'done'));
  await advanceSharers(deps, failed);
}

/**
 * Advances the jobs that share the job's content: they copy its result, or one of them takes over its work.
 * @throws AggregateError after all of them, if any failed
 */
export async function advanceSharers(deps: JobDeps, job: JobRow): Promise<void> {
  if (job.content_id === undefined) return;
  const errors: unknown[] = [];
  for (const other of await deps.jobs.jobsSharing(job.content_id))
    if (other !== job.job_id) await advance(deps, other).catch((error: unknown) => errors.push(error));
  if (errors.length > 0) throw new AggregateError(errors, 'some jobs that share the content could not be advanced');
}

const partRows = (job: JobRow, manifest: Manifest, nowMs: number): ChunkRow[] =>
  manifest.parts.map((part) => ({
    ...rowOf(job, part.number, part, nowMs),
    said_seconds: part.end - part.start,
    overlap_ms: Math.round(part.overlap_s * 1000),
  }));

/** Lets the job share another job's transcription of the same content. `owner`: there is none, so this job does the work. */
async function share(deps: JobDeps, job: JobRow, contentId: string): Promise<'completed' | 'waits' | 'owner'> {
  for (let owner = await deps.jobs.claimContent(contentId, job.job_id); ; ) {
    if (owner === job.job_id) return 'owner';
    const other = await deps.jobs.get(owner);
    if (other !== undefined && isOpen(other)) {
      await update(deps, job.job_id, (now) => (isOpen(now) && now.same_as !== owner ? { ...now, same_as: owner } : undefined));
      return 'waits';
    }
    // A completed job may have been transcribed again with other options in the meantime.
    if (other?.status === 'completed' && other.content_id === contentId) {
      const transcript = await deps.files.readTranscript(other);
      if (transcript !== undefined) {
        await complete(deps, { ...job, same_as: owner }, { ...transcript, jobId: job.job_id });
        return 'completed';
      }
    }
    owner = await deps.jobs.claimContent(contentId, job.job_id, owner);
  }
}

/** Makes a retranscribed job the owner of its new content, so that other jobs of the user share its result. */
async function becomeOwner(deps: JobDeps, contentId: string, jobId: string): Promise<void> {
  for (let owner = await deps.jobs.claimContent(contentId, jobId); owner !== jobId; )
    owner = await deps.jobs.claimContent(contentId, jobId, owner);
}

async function complete(deps: JobDeps, job: JobRow, transcript: StoredFileTranscript, compressed?: string): Promise<void> {
  await deps.files.writeTranscript(job, transcript);
  const object_key = compressed === undefined ? job.object_key : await deps.files.keepCompressed(job, compressed);
  const done = await update(deps, job.job_id, (now) =>
    isOpen(now)
      ? endedJob({ ...now, object_key, ...(job.same_as !== undefined && { same_as: job.same_as }) }, 'completed', deps.nowMs())
      : undefined,
  );
  if (done === undefined) {
    // The job was cancelled or deleted in the meantime, so its objects are removed.
    const now = await deps.jobs.get(job.job_id);
    if (now?.status !== 'completed') await deps.files.removeAll(job);
    return;
  }
  if (isRetranscribing(job)) await becomeOwner(deps, job.content_id ?? '', job.job_id);
  else await deps.noteEnd(done);
  await deps.files.removeResults(done);
  await advanceSharers(deps, done);
}

/** The result of a part, with what could not be decoded when the file was cut. */
const withDamage = (result: ChunkTranscript, damaged: ChunkTranscript['damaged']): ChunkTranscript =>
  damaged === undefined ? result : { ...result, damaged };

async function completeFromParts(deps: JobDeps, job: JobRow, rows: readonly ChunkRow[], manifest: Manifest): Promise<void> {
  const parts = rows.filter((row) => row.chunk_number > 0);
  const damaged = new Map(manifest.parts.map((part) => [part.number, part.damaged]));
  const results = await Promise.all(
    parts.map(async (row) => ({
      result: withDamage(await deps.files.readResult(row.result_key ?? ''), damaged.get(row.chunk_number)),
      overlapSeconds: (row.overlap_ms ?? 0) / 1000,
    })),
  );
  await complete(deps, job, joinParts(job.job_id, results, job), manifest.compressed?.key);
}

/** Takes the next step of a job; does nothing if no step is possible. */
export async function advance(deps: JobDeps, jobId: string): Promise<void> {
  const row = await deps.jobs.get(jobId);
  const job = row === undefined ? undefined : workOf(row);
  if (job === undefined || !isOpen(job) || job.uploaded_at_ms === undefined) return;
  const rows = (await deps.chunks.listOf(jobId)).filter((part) => isCurrentRow(job, part));
  const source = rows.find((row) => row.chunk_number === 0);
  if (source === undefined) return queueSource(deps, job);
  const dead = rows.find(({ state }) => state === 'dead');
  if (dead !== undefined) return failJob(deps, jobId, dead.error_message ?? 'the file could not be transcribed');
  if (source.state === 'done') await advanceParts(deps, job, source, rows);
}

/** Takes the next step of a job whose file has been cut. */
async function advanceParts(deps: JobDeps, job: JobRow, source: ChunkRow, rows: readonly ChunkRow[]): Promise<void> {
  const manifest = await deps.files.readManifest(source.result_key ?? '');
  // S3 verifies the SHA-256 of an upload in one piece only. For an upload in parts, the worker computes it.
  if (job.sha256 !== undefined && job.sha256 !== Buffer.from(manifest.sha256, 'hex').toString('base64'))
    return failJob(deps, job.job_id, 'the SHA-256 of the uploaded file differs from the declared one');
  const known = job.part_count === undefined ? await noteCut(deps, job, source, manifest) : job;
  if (known === undefined) return;
  if (!isRetranscribing(job) && (await share(deps, known, known.content_id ?? '')) !== 'owner') return;
  const existing = new Set(rows.map((row) => row.chunk_number));
  const missing = partRows(known, manifest, deps.nowMs()).filter((row) => !existing.has(row.chunk_number));
  await insertAndSend(deps, known, missing);
  await noteProgress(deps, job.job_id);
  const isTranscribed = missing.length === 0 && rows.every(({ state }) => state === 'done');
  if (isTranscribed) await completeFromParts(deps, known, rows, manifest);
}

/** Records the parts of a file that was cut. The first time, its length counts against the user's daily quota. */
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
      content_id: contentId(now, manifest),
      ...(now.recorded_at_ms === undefined && recordedOf(manifest.recorded_at)),
    };
  });
  if (known !== undefined && isFirst) await deps.countSeconds(job.user_id, manifest.seconds);
  return known === undefined ? undefined : workOf(known);
}

/** Stores the progress, if any row has changed. The percentage never decreases. */
async function noteProgress(deps: Pick<JobDeps, 'jobs' | 'chunks' | 'nowMs'>, jobId: string): Promise<boolean> {
  const all = await deps.chunks.listOf(jobId);
  const nowMs = deps.nowMs();
  const moved = await update(deps, jobId, (now) => {
    const rows = all.filter((row) => isCurrentRow(now, row));
    const to = rowsFingerprint(rows);
    if (!isOpen(now) || now.moved_to === to) return undefined;
    const { progress, stage } = progressOf(now, rows);
    const further = progress >= now.progress ? { progress, stage } : {};
    return dueWhenStuck({ ...now, ...further, moved_to: to, moved_at_ms: nowMs, resumes: 0 }, nowMs);
  });
  return moved !== undefined;
}
