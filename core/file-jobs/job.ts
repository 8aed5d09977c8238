/**
 * The row of a job: how it is created, changed and ended.
 *
 * States: `pending` (upload, queue) -> `processing` (the file has been cut) -> `completed`, `failed` or `cancelled`. A failed job
 * can be restarted (`pending` again). Any job can become `deleted`, a tombstone without user data.
 *
 * Gotchas:
 * - Every change is a compare-and-swap on `version`; @see updateRow.
 * - `due_at_ms` is when the session keeper processes the job next: while it is open, because it may be stuck; after its end,
 *   because objects may have appeared late.
 */
import type * as z from 'zod';
import type { Caller } from '../caller.ts';
import type { CreateJob } from '../contracts/http.ts';
import {
  JOB_ID,
  JOB_PURGE_AGAIN_SECONDS,
  type JobRow,
  type JobState,
  MAX_FILE_BYTES,
  STUCK_SECONDS,
  UPLOAD_DAYS,
} from '../contracts/jobs.ts';
import { sourceKey } from '../contracts/keys.ts';
import { COMPRESSED_EXTENSIONS, fileExtensionOf, storedType, TYPES_ACCEPTED } from '../contracts/media.ts';
import { DomainError } from '../errors.ts';
import { CONFLICT, optimistically } from '../optimistic.ts';
import { admitSpeakers, modifiedOf, recordedOf, separateOf, speakerNumbersOf } from '../recording-options.ts';
import { admitChoice } from '../sessions/model-choice.ts';
import { DAY_MS } from '../time.ts';
import type { JobDeps, JobStore } from './ports.ts';
import { without, withWork, workOf } from './work.ts';

/** A request for a new job. */
export type JobRequest = z.infer<typeof CreateJob>;

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
export function validateJob(input: JobRequest, stage: JobStage): string {
  if (input.sizeBytes > MAX_FILE_BYTES)
    throw new DomainError('too-large', `a file may have at most ${MAX_FILE_BYTES / 1024 ** 3} GiB; split or compress it`);
  const extension = fileExtensionOf(input.contentType);
  if (extension === undefined) throw new DomainError('unsupported-type', `the content type must be ${TYPES_ACCEPTED}`);
  admitChoice(input, stage.models);
  admitSpeakers(input);
  if (input.diarize && !stage.canDiarize) throw new DomainError('invalid', 'this stage has no speaker model');
  return extension;
}

/** The initial row of a job. */
export function newJob(
  input: JobRequest,
  extension: string,
  jobId: string,
  userId: string,
  stage: JobStage,
  nowMs: number,
): JobRow {
  const { filename, contentType, sizeBytes, sha256, language, model, prompt, hotwords, priority, diarize, callbackUrl } = input;
  const { channels, recordedAt, modifiedAt } = input;
  return {
    job_id: jobId,
    version: 1,
    user_id: userId,
    status: 'pending',
    filename,
    content_type: storedType(contentType),
    size_bytes: sizeBytes,
    object_key: sourceKey({ userId, jobId }, extension),
    ...(sha256 !== undefined && { sha256 }),
    ...(language !== undefined && { language }),
    ...(model !== undefined && model !== stage.models[0] && { model }),
    ...(prompt !== undefined && { prompt }),
    ...(hotwords !== undefined && { hotwords }),
    priority,
    ...(diarize && { diarize }),
    ...speakerNumbersOf(input),
    ...separateOf(channels),
    ...recordedOf(recordedAt),
    ...modifiedOf(modifiedAt),
    ...(stage.compressFiles && channels !== 'separate' && COMPRESSED_EXTENSIONS.includes(extension) && { compress: true }),
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

/** Whether the job has not ended. */
export const isOpen = ({ status }: JobRow): boolean => status === 'pending' || status === 'processing';

/** The job with the time at which it is processed next. */
const dueAt = (job: JobRow, dueAtMs: number): JobRow => ({ ...job, due_shard: 'due', due_at_ms: dueAtMs });
/** The job without a due time. */
export const notDue = (job: JobRow): JobRow => without(job, 'due_shard', 'due_at_ms');
/** The job, due again when it would be stuck. */
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

/** The status that clients see. @throws DomainError `deleted` */
export function statusOf({ status }: JobRow): JobState {
  if (status === 'deleted') throw new DomainError('deleted', 'this job was deleted');
  return status;
}

/** Returns the job, if it exists and the caller may see it. @throws DomainError `not-found`, `forbidden`, `deleted` */
export async function jobFor(store: Pick<JobStore, 'get'>, caller: Caller, jobId: string): Promise<JobRow> {
  const job = JOB_ID.test(jobId) ? await store.get(jobId) : undefined;
  if (job === undefined) throw new DomainError('not-found', 'there is no such job');
  if (job.user_id !== caller.userId && !caller.isAdmin) throw new DomainError('forbidden', 'this job belongs to another user');
  statusOf(job);
  return job;
}
