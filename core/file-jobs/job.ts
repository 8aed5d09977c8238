/**
 * The row of a job: how it is created, changed, ended and shown.
 *
 * States: `pending` (upload, queue) -> `processing` (the file has been cut) -> `completed`, `failed` or `cancelled`. A failed job
 * can be restarted (`pending` again). Any job can become `deleted`, a tombstone without user data.
 *
 * Gotchas:
 * - Every change is a compare-and-swap on `version`; @see updateRow.
 * - `due_at_ms` is when the session keeper processes the job next: while it is open, because it may be stuck; after its end,
 *   because objects may have appeared late.
 */
import { createHash } from 'node:crypto';
import type * as z from 'zod';
import type { CreateJob } from '../contracts/http.ts';
import {
  COMPRESSED_EXTENSIONS,
  fileExtensionOf,
  JOB_ID,
  JOB_PURGE_AGAIN_SECONDS,
  type JobRow,
  MAX_FILE_BYTES,
  STUCK_SECONDS,
  UPLOAD_DAYS,
  UPLOAD_PART_BYTES,
} from '../contracts/jobs.ts';
import { sourceKey } from '../contracts/keys.ts';
import { bareType } from '../contracts/media.ts';
import type { ChunkRow, WaitReason } from '../contracts/rows.ts';
import { DomainError } from '../errors.ts';
import { CONFLICT, optimistically } from '../optimistic.ts';
import type { Caller } from '../sessions/access.ts';
import { admitChoice } from '../sessions/model-choice.ts';
import { DAY_MS } from '../time.ts';
import type { JobDeps, JobStore } from './ports.ts';
import { isCurrentRow, isRetranscribing, without, withWork, workOf } from './work.ts';

type Request = z.infer<typeof CreateJob>;

/** Settings of the stage for file jobs. */
export interface JobStage {
  /** Models that users may request; the first is the stage's default. */
  readonly models: readonly string[];
  readonly canDiarize: boolean;
  readonly compressFiles: boolean;
  readonly retentionDays: number;
}

const MAX_ERROR_LENGTH = 500;

/**
 * Validates a request before anything is created.
 * @returns extension of the stored object
 * @throws DomainError `too-large`, `unsupported-type`, `invalid`
 */
export function validateJob(input: Request, stage: JobStage): string {
  if (input.sizeBytes > MAX_FILE_BYTES)
    throw new DomainError('too-large', `a file may have at most ${MAX_FILE_BYTES / 1024 ** 3} GiB; split or compress it`);
  const extension = fileExtensionOf(bareType(input.contentType));
  if (extension === undefined)
    throw new DomainError(
      'unsupported-type',
      'the content type must be audio/*, video/*, application/ogg or application/octet-stream',
    );
  admitChoice(input, stage.models);
  if (input.diarize && !stage.canDiarize) throw new DomainError('invalid', 'this stage has no speaker model');
  return extension;
}

export function newJob(input: Request, extension: string, jobId: string, userId: string, stage: JobStage, nowMs: number): JobRow {
  const { filename, contentType, sizeBytes, sha256, language, model, prompt, hotwords, priority, diarize, callbackUrl } = input;
  return {
    job_id: jobId,
    version: 1,
    user_id: userId,
    status: 'pending',
    filename,
    content_type: contentType,
    size_bytes: sizeBytes,
    object_key: sourceKey({ userId, jobId }, extension),
    ...(sha256 !== undefined && { sha256 }),
    ...(language !== undefined && { language }),
    ...(model !== undefined && model !== stage.models[0] && { model }),
    ...(prompt !== undefined && { prompt }),
    ...(hotwords !== undefined && { hotwords }),
    priority,
    ...(diarize && { diarize }),
    ...(stage.compressFiles && COMPRESSED_EXTENSIONS.includes(extension) && { compress: true }),
    ...(callbackUrl !== undefined && { callback_url: callbackUrl }),
    created_at_ms: nowMs,
    progress: 0,
    stage: 'Waiting for the file',
    round: 0,
    moved_at_ms: nowMs,
    moved_to: '',
    resumes: 0,
    due_shard: 'due',
    due_at_ms: nowMs + UPLOAD_DAYS * DAY_MS,
    open_of: userId,
    ...(stage.retentionDays > 0 && { expires_at_s: Math.ceil((nowMs + stage.retentionDays * DAY_MS) / 1000) }),
  };
}

export const isInParts = ({ size_bytes }: Pick<JobRow, 'size_bytes'>): boolean => size_bytes > UPLOAD_PART_BYTES;
export const uploadPartCount = ({ size_bytes }: JobRow): number => Math.ceil(size_bytes / UPLOAD_PART_BYTES);
/** Size of a part of the upload; the last part has the remaining bytes. */
export const uploadPartBytes = (job: JobRow, partNumber: number): number =>
  partNumber < uploadPartCount(job) ? UPLOAD_PART_BYTES : job.size_bytes - (uploadPartCount(job) - 1) * UPLOAD_PART_BYTES;

export const isOpen = ({ status }: JobRow): boolean => status === 'pending' || status === 'processing';

/** The job with the time at which it is processed next. */
const dueAt = (job: JobRow, dueAtMs: number): JobRow => ({ ...job, due_shard: 'due', due_at_ms: dueAtMs });
export const notDue = (job: JobRow): JobRow => without(job, 'due_shard', 'due_at_ms');
export const dueWhenStuck = (job: JobRow, nowMs: number): JobRow => dueAt(job, nowMs + 1000 * STUCK_SECONDS);

/** An ended job. It is due once more, to remove objects that appear after the end. */
export function endedJob(job: JobRow, status: 'completed' | 'failed' | 'cancelled', nowMs: number, error?: string): JobRow {
  const closed = without(job, 'open_of', 'upload_id', 'same_as');
  return dueAt(
    {
      ...closed,
      ...(job.same_as !== undefined && status === 'completed' && { same_as: job.same_as }),
      status,
      completed_at_ms: nowMs,
      ...(status === 'completed' && { progress: 100, stage: 'Complete' }),
      ...(status === 'failed' && { stage: 'Failed' }),
      ...(status === 'cancelled' && { stage: 'Cancelled' }),
      ...(error !== undefined && { error: error.slice(0, MAX_ERROR_LENGTH) }),
    },
    nowMs + 1000 * JOB_PURGE_AGAIN_SECONDS,
  );
}

/** A failed job that starts again; finished parts are kept. */
export const restartedJob = (job: JobRow, nowMs: number): JobRow =>
  dueWhenStuck(
    {
      ...without(job, 'error', 'completed_at_ms'),
      status: 'pending',
      stage: 'Queued',
      round: job.round + 1,
      resumes: 0,
      moved_at_ms: nowMs,
      open_of: job.user_id,
    },
    nowMs,
  );

/** A deleted job: its row without any user data. */
export const tombstone = (
  { job_id, version, user_id, created_at_ms, priority, round, object_key, expires_at_s }: JobRow,
  nowMs: number,
): JobRow =>
  dueAt(
    {
      job_id,
      version,
      user_id,
      created_at_ms,
      priority,
      round,
      object_key,
      status: 'deleted',
      filename: '',
      content_type: '',
      size_bytes: 0,
      progress: 0,
      stage: 'Deleted',
      moved_at_ms: nowMs,
      moved_to: '',
      resumes: 0,
      ...(expires_at_s !== undefined && { expires_at_s }),
    },
    nowMs + 1000 * JOB_PURGE_AGAIN_SECONDS,
  );

/** Applies `change` to the row. Nothing is written if it returns undefined. @throws DomainError `busy` */
export function updateRow(
  { jobs }: Pick<JobDeps, 'jobs'>,
  jobId: string,
  change: (job: JobRow) => JobRow | undefined,
): Promise<JobRow | undefined> {
  return optimistically('the job', async () => {
    const was = await jobs.get(jobId);
    const changed = was === undefined ? undefined : change(was);
    if (was === undefined || changed === undefined) return undefined;
    const now = { ...changed, version: was.version + 1 };
    return (await jobs.replace(was, now)) ? now : CONFLICT;
  });
}

/** Changes the current work: the job, or its retranscription. Returns the row. */
export const update = (
  deps: Pick<JobDeps, 'jobs'>,
  jobId: string,
  change: (work: JobRow) => JobRow | undefined,
): Promise<JobRow | undefined> =>
  updateRow(deps, jobId, (was) => {
    const changed = change(workOf(was));
    return changed === undefined ? undefined : withWork(was, changed);
  });

/** Returns the job, if it exists and the caller may see it. @throws DomainError `not-found`, `forbidden`, `deleted` */
export async function jobFor(store: Pick<JobStore, 'get'>, caller: Caller, jobId: string): Promise<JobRow> {
  const job = JOB_ID.test(jobId) ? await store.get(jobId) : undefined;
  if (job === undefined) throw new DomainError('not-found', 'there is no such job');
  if (job.user_id !== caller.userId && !caller.isAdmin) throw new DomainError('forbidden', 'this job belongs to another user');
  if (job.status === 'deleted') throw new DomainError('deleted', 'this job was deleted');
  return job;
}

interface Progress {
  /** Percent in steps of 0.1. */
  readonly progress: number;
  readonly stage: string;
}
const QUEUED: Progress = { progress: 0, stage: 'Queued' };
/** Percent at which the steps begin. */
const [COMPRESSING, ANALYZING, CUT, TRANSCRIBED] = [10, 20, 30, 90];

/** Rounds down to 0.1: one percent of a day of audio takes so long that a user would think the job is stuck. */
const between = (from: number, to: number, share: number): number => Math.floor(10 * (from + (to - from) * share)) / 10;

/** Progress of a job, by the share of its audio that is done. Row 0 is the file itself, the other rows are its parts. */
export function progressOf(job: JobRow, rows: readonly ChunkRow[]): Progress {
  const source = rows.find((row) => row.chunk_number === 0);
  if (source === undefined) return QUEUED;
  if (source.state !== 'done') {
    if (source.state === 'pending' && source.progress === undefined) return QUEUED;
    const share = source.progress ?? 0;
    return job.compress
      ? { progress: between(COMPRESSING, ANALYZING, share), stage: 'Compressing audio' }
      : { progress: between(ANALYZING, CUT, share), stage: 'Analyzing audio' };
  }
  const parts = rows.filter((row) => row.chunk_number > 0);
  const { part_count: count } = job;
  if (count === undefined || parts.length < count) return { progress: CUT, stage: 'Creating chunks' };
  const seconds = (row: ChunkRow): number => row.said_seconds ?? 0;
  const total = parts.reduce((sum, row) => sum + seconds(row), 0);
  const transcribed = parts.reduce((sum, row) => sum + seconds(row) * (row.state === 'done' ? 1 : (row.progress ?? 0)), 0);
  const done = parts.filter(({ state }) => state === 'done').length;
  if (done === count) return { progress: TRANSCRIBED, stage: 'Finalizing' };
  const share = total === 0 ? done / count : transcribed / total;
  return { progress: between(CUT, TRANSCRIBED, share), stage: `Transcribing chunk ${Math.min(done + 1, count)}/${count}` };
}

/** Changes whenever any row makes progress, also if the percentage stays the same. */
export const rowsFingerprint = (rows: readonly ChunkRow[]): string =>
  createHash('sha256')
    .update(rows.map((row) => `${row.chunk_number}:${row.state}:${row.progress ?? 0}:${row.attempts}`).join(' '))
    .digest('base64url');

const iso = (ms: number): string => new Date(ms).toISOString();

/** Rows that show the progress of a job: its own, or those of the job that does its work. Empty if the job is not open. */
export async function rowsFor({ chunks }: Pick<JobDeps, 'chunks'>, job: JobRow): Promise<ChunkRow[]> {
  const work = workOf(job);
  if (!isOpen(work)) return [];
  return (await chunks.listOf(work.same_as ?? work.job_id)).filter(
    (row) => work.same_as !== undefined || isCurrentRow(work, row),
  );
}

/** Progress of a retranscription, or why it failed. */
function viewRetranscription(job: JobRow, stageModel: string, rows: readonly ChunkRow[]) {
  const { again } = job;
  if (again === undefined) return undefined;
  const now = again.state === 'open' ? progressOf(workOf(job), rows) : again;
  return {
    status: again.state === 'open' ? ('processing' as const) : ('failed' as const),
    progress: Math.max(again.progress, now.progress),
    stage: now.progress < again.progress ? again.stage : now.stage,
    error: again.error ?? null,
    language: again.language,
    model: again.model ?? stageModel,
    requestedAt: iso(again.requested_at_ms),
  };
}

/** Public form of a job. `rows` are those of `rowsFor`; they only matter while the job or its retranscription is open. */
export function viewJob(
  job: JobRow,
  stageModel: string,
  rows: readonly ChunkRow[] = [],
  waits?: { reason: WaitReason; untilMs: number },
) {
  const open = isOpen(job) && job.uploaded_at_ms !== undefined;
  const now = open ? progressOf(job, rows) : { progress: job.progress, stage: job.stage };
  const source = rows.find((row) => row.chunk_number === 0);
  const startedMs = job.started_at_ms ?? (source?.state === 'leased' ? source.claimed_at_ms : undefined);
  const waiting = (open || isRetranscribing(job)) && waits !== undefined && !rows.some(({ state }) => state === 'leased');
  return {
    id: job.job_id,
    userId: job.user_id,
    filename: job.filename,
    sizeBytes: job.size_bytes,
    status: job.status === 'pending' && startedMs !== undefined ? ('processing' as const) : job.status,
    progress: Math.max(job.progress, now.progress),
    stage: now.progress < job.progress ? job.stage : now.stage,
    error: job.error ?? null,
    language: job.language,
    model: job.model ?? stageModel,
    priority: job.priority,
    createdAt: iso(job.created_at_ms),
    startedAt: startedMs === undefined ? null : iso(startedMs),
    completedAt: job.completed_at_ms === undefined ? null : iso(job.completed_at_ms),
    durationSeconds: job.seconds,
    sameAs: job.same_as,
    retranscribing: isRetranscribing(job),
    retranscription: viewRetranscription(job, stageModel, rows),
    waitingFor: waiting ? { reason: waits.reason, until: iso(waits.untilMs) } : undefined,
  };
}
