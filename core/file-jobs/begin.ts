/**
 * Creates jobs, within the quotas of the user.
 *
 * Steps: the job is created -> the client uploads to presigned URLs (upload.ts) -> the upload is completed and the file queued: by
 * the client's call, by S3's event, or by the session keeper after a day.
 *
 * Gotcha: an Idempotency-Key reserves the job's id before the job is created, so that concurrent repeats create one job.
 */
import { createHash } from 'node:crypto';
import { IDEMPOTENCY_SECONDS, type JobRow } from '../contracts/jobs.ts';
import { DomainError } from '../errors.ts';
import type { UsageCounter } from '../quota/quota.ts';
import { DAY_MS, dayNumber, startOfNextDay } from '../time.ts';
import { type JobRequest, type JobStage, newJob, statusOf, validateJob } from './job.ts';
import type { JobStore, PartUploads } from './ports.ts';
import { isInParts, type UploadDeps, uploadOf } from './upload.ts';

/** Dependencies of new jobs, and settings of the stage. */
export interface BeginDeps {
  readonly jobs: JobStore;
  readonly uploads: PartUploads;
  readonly usage: UsageCounter;
  readonly newUlid: () => string;
  readonly nowMs: () => number;
  readonly stage: JobStage;
  readonly maxOpenJobs: number;
  readonly maxAudioHours: number;
}

const dayWindow = (userId: string, nowMs: number): string => `${userId}#audio-seconds#${dayNumber(nowMs)}`;

/** Counts seconds of audio against the user's daily quota (UTC). */
export const countSeconds =
  ({ usage, nowMs }: Pick<BeginDeps, 'usage' | 'nowMs'>) =>
  async (userId: string, seconds: number): Promise<void> => {
    await usage.count(dayWindow(userId, nowMs()), startOfNextDay(nowMs()) + DAY_MS, Math.ceil(seconds));
  };

/** What the quotas of a user depend on. */
export type QuotaDeps = Pick<BeginDeps, 'jobs' | 'usage' | 'nowMs' | 'maxOpenJobs' | 'maxAudioHours'>;

/** @throws DomainError `quota-reached` with the quota and how long to wait */
export async function checkQuotas(deps: QuotaDeps, userId: string): Promise<void> {
  const nowMs = deps.nowMs();
  const open = await deps.jobs.countOpen(userId);
  if (open >= deps.maxOpenJobs)
    throw new DomainError('quota-reached', `you have ${open} open jobs; the limit is ${deps.maxOpenJobs}. Wait until one ends`, {
      quota: 'open-jobs',
      left: 0,
      retryAfterSeconds: 60,
    });
  const usedHours = (await deps.usage.count(dayWindow(userId, nowMs), startOfNextDay(nowMs) + DAY_MS, 0)) / 3600;
  if (usedHours >= deps.maxAudioHours)
    throw new DomainError(
      'quota-reached',
      `you have used ${Math.floor(usedHours)} hours of audio today; the limit is ${deps.maxAudioHours}. The next day begins at 00:00 UTC`,
      { quota: 'audio-hours', left: 0, retryAfterSeconds: Math.ceil((startOfNextDay(nowMs) - nowMs) / 1000) },
    );
}

/**
 * Creates a job, or returns the one that was created with the same key and request.
 * @throws DomainError `quota-reached`, `idempotency-mismatch`, `deleted`, and those of `validateJob`
 */
export async function beginJob(deps: BeginDeps, userId: string, input: JobRequest, key: string | undefined): Promise<JobRow> {
  const extension = validateJob(input, deps.stage);
  let jobId = `job_${deps.newUlid()}`;
  if (key !== undefined) {
    const request = createHash('sha256').update(JSON.stringify(input)).digest('base64url');
    const hashed = createHash('sha256').update(key).digest('base64url');
    const made = await deps.jobs.remember(`${userId}#${hashed}`, { jobId, request }, deps.nowMs() + 1000 * IDEMPOTENCY_SECONDS);
    if (made.request !== request)
      throw new DomainError('idempotency-mismatch', 'this Idempotency-Key was used for another request; use a new one');
    jobId = made.jobId;
    const known = await deps.jobs.get(jobId);
    if (known?.status === 'deleted') throw new DomainError('deleted', 'the job of this Idempotency-Key was deleted');
    if (known !== undefined) return known;
  }
  await checkQuotas(deps, userId);
  const job = newJob(input, extension, jobId, userId, deps.stage, deps.nowMs());
  const upload = isInParts(job) ? { upload_id: await deps.uploads.begin(job.object_key, job.content_type) } : {};
  if (await deps.jobs.create({ ...job, ...upload })) return { ...job, ...upload };
  // A concurrent request with the same key has created the job.
  if (upload.upload_id !== undefined) await deps.uploads.abort(job.object_key, upload.upload_id);
  return (await deps.jobs.get(jobId)) ?? job;
}

/** Dependencies of jobs that clients create. */
export interface CreateDeps extends BeginDeps, UploadDeps {
  /** @throws DomainError `invalid` for an address that webhooks must not call */
  readonly checkCallback: (url: string) => void;
}

/** Creates a job and returns how its file is uploaded. @throws as `beginJob`; DomainError `invalid` for a forbidden callback address */
export async function createJob(deps: CreateDeps, userId: string, request: JobRequest, key: string | undefined) {
  if (request.callbackUrl !== undefined) deps.checkCallback(request.callbackUrl);
  const job = await beginJob(deps, userId, request, key);
  return { id: job.job_id, status: statusOf(job), upload: await uploadOf(deps, job) };
}
