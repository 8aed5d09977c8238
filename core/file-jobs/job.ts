/** A job's life as rows: made, moved on, ended, shown. */
import { createHash } from 'node:crypto';
import type * as z from 'zod';
import type { CreateJob } from '../contracts/http.ts';
import {
  COMPRESSED_EXTENSIONS,
  FILE_EXTENSION_OF_TYPE,
  isEnglishOnly,
  JOB_ID,
  type JobRow,
  MAX_FILE_BYTES,
  STUCK_SECONDS,
  UPLOAD_DAYS,
  UPLOAD_PART_BYTES,
} from '../contracts/jobs.ts';
import { sourceKey } from '../contracts/keys.ts';
import { PURGE_AGAIN_SECONDS } from '../contracts/limits.ts';
import { bareType } from '../contracts/media.ts';
import type { ChunkRow, WaitsFor } from '../contracts/rows.ts';
import { DomainError } from '../errors.ts';
import type { Caller } from '../sessions/access.ts';
import type { JobDeps, JobStore } from './ports.ts';

type Request = z.infer<typeof CreateJob>;

/** What the stage can do. */
export interface JobStage {
  /** Models that may be asked for; the first is the stage's own. */
  readonly models: readonly string[];
  readonly canDiarize: boolean;
  readonly compressFiles: boolean;
  readonly retentionDays: number;
}

const DAY_MS = 86_400_000;
const MAX_ERROR_LENGTH = 500;

/**
 * Looks at what is asked for before anything is made.
 * @returns extension under which the file will be stored
 * @throws DomainError `too-large`, `unsupported-type`, `invalid`
 */
export function admitJob(input: Request, stage: JobStage): string {
  if (input.sizeBytes > MAX_FILE_BYTES)
    throw new DomainError('too-large', `a file may have ${MAX_FILE_BYTES / 1024 ** 3} GiB; cut it, or send it compressed`);
  const extension = FILE_EXTENSION_OF_TYPE[bareType(input.contentType)];
  if (extension === undefined)
    throw new DomainError('unsupported-type', `send one of ${Object.keys(FILE_EXTENSION_OF_TYPE).join(', ')}`);
  const model = input.model ?? stage.models[0] ?? '';
  if (!stage.models.includes(model))
    throw new DomainError('invalid', `this stage has no model ${model}; it has ${stage.models.join(', ')}`, {
      models: stage.models,
    });
  if (input.language !== undefined && input.language !== 'en' && isEnglishOnly(model))
    throw new DomainError('invalid', `the model ${model} knows English only; ask for another model, or leave the language out`);
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
/** Size of one part of the upload; the last one is what is left. */
export const uploadPartBytes = (job: JobRow, partNumber: number): number =>
  partNumber < uploadPartCount(job) ? UPLOAD_PART_BYTES : job.size_bytes - (uploadPartCount(job) - 1) * UPLOAD_PART_BYTES;

export const isOpen = ({ status }: JobRow): boolean => status === 'pending' || status === 'processing';

const without = (job: JobRow, ...names: readonly (keyof JobRow)[]): JobRow =>
  Object.fromEntries(Object.entries(job).filter(([name]) => !names.includes(name as keyof JobRow))) as JobRow;

/** Something will be looked at again at this time. */
const dueAt = (job: JobRow, dueAtMs: number): JobRow => ({ ...job, due_shard: 'due', due_at_ms: dueAtMs });
export const notDue = (job: JobRow): JobRow => without(job, 'due_shard', 'due_at_ms');
export const dueWhenStuck = (job: JobRow, nowMs: number): JobRow => dueAt(job, nowMs + 1000 * STUCK_SECONDS);

/** The end of a job. What was on its way meanwhile is looked for once more, a while later. */
export function ended(job: JobRow, status: 'completed' | 'failed' | 'cancelled', nowMs: number, error?: string): JobRow {
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
    nowMs + 1000 * PURGE_AGAIN_SECONDS,
  );
}

/** A failed job begins anew with what it has. */
export const begunAnew = (job: JobRow, nowMs: number): JobRow =>
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

/** Leaves nothing that a person said or named. */
export const tombstone = (
  { job_id, version, user_id, created_at_ms, priority, round, object_key }: JobRow,
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
    },
    nowMs + 1000 * PURGE_AGAIN_SECONDS,
  );

/** Changes a job as `change` says, until nobody else has changed it meanwhile; undefined changes nothing. */
export async function update(
  { jobs }: Pick<JobDeps, 'jobs'>,
  jobId: string,
  change: (job: JobRow) => JobRow | undefined,
): Promise<JobRow | undefined> {
  for (;;) {
    const was = await jobs.get(jobId);
    const changed = was === undefined ? undefined : change(was);
    if (was === undefined || changed === undefined) return undefined;
    const now = { ...changed, version: was.version + 1 };
    if (await jobs.replace(was, now)) return now;
  }
}

/** The job, if it exists and the caller may see it. @throws DomainError `not-found`, `forbidden`, `deleted` */
export async function jobFor(store: Pick<JobStore, 'get'>, caller: Caller, jobId: string): Promise<JobRow> {
  const job = JOB_ID.test(jobId) ? await store.get(jobId) : undefined;
  if (job === undefined) throw new DomainError('not-found', 'there is no such job');
  if (job.user_id !== caller.userId && !caller.isAdmin) throw new DomainError('forbidden', 'this job belongs to somebody else');
  if (job.status === 'deleted') throw new DomainError('deleted', 'this job was deleted');
  return job;
}

interface Standing {
  readonly progress: number;
  readonly stage: string;
}
const QUEUED: Standing = { progress: 0, stage: 'Queued' };
const [COMPRESSING, ANALYZING, CUT, HEARD] = [10, 20, 30, 90];

/** To a tenth: a whole percent of a day of audio takes too long to be seen moving. */
const between = (from: number, to: number, share: number): number => Math.floor(10 * (from + (to - from) * share)) / 10;

/** How far a job is, by what has really been heard. Rows: number 0 is the file itself, the others are its parts. */
export function standing(job: JobRow, rows: readonly ChunkRow[]): Standing {
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
  const heard = parts.reduce((sum, row) => sum + seconds(row) * (row.state === 'done' ? 1 : (row.progress ?? 0)), 0);
  const done = parts.filter(({ state }) => state === 'done').length;
  if (done === count) return { progress: HEARD, stage: 'Finalizing' };
  const share = total === 0 ? done / count : heard / total;
  return { progress: between(CUT, HEARD, share), stage: `Transcribing chunk ${Math.min(done + 1, count)}/${count}` };
}

/** What tells whether anything has moved: finer than progress, which is whole percents. */
export const movement = (rows: readonly ChunkRow[]): string =>
  createHash('sha256')
    .update(rows.map((row) => `${row.chunk_number}:${row.state}:${row.progress ?? 0}:${row.attempts}`).join(' '))
    .digest('base64url');

const iso = (ms: number): string => new Date(ms).toISOString();

/** Rows that tell how far it is: its own, or those of the job that does its work. */
export const rowsFor = ({ chunks }: Pick<JobDeps, 'chunks'>, job: JobRow): Promise<ChunkRow[]> =>
  isOpen(job) ? chunks.listOf(job.same_as ?? job.job_id) : Promise.resolve([]);

/** Public form of a job; `rows` only matter while it is open. */
export function viewJob(
  job: JobRow,
  stageModel: string,
  rows: readonly ChunkRow[] = [],
  waits?: { reason: WaitsFor; untilMs: number },
) {
  const open = isOpen(job) && job.uploaded_at_ms !== undefined;
  const now = open ? standing(job, rows) : { progress: job.progress, stage: job.stage };
  const source = rows.find((row) => row.chunk_number === 0);
  const startedMs = job.started_at_ms ?? (source?.state === 'leased' ? source.claimed_at_ms : undefined);
  const waiting = open && waits !== undefined && !rows.some(({ state }) => state === 'leased');
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
    waitingFor: waiting ? { reason: waits.reason, until: iso(waits.untilMs) } : undefined,
  };
}
