/**
 * Creates jobs, and completes their uploads in one piece or in parts.
 *
 * Steps: the job is created -> the client uploads to presigned URLs -> the upload is completed and the file queued: by the
 * client's call, by S3's event, or by the session keeper after a day.
 *
 * Gotchas:
 * - An Idempotency-Key reserves the job's id before the job is created, so that concurrent repeats create one job.
 * - Completing an upload is idempotent: repeated calls and events queue the file once.
 */
import { createHash } from 'node:crypto';
import type * as z from 'zod';
import type { CreateJob } from '../contracts/http.ts';
import { IDEMPOTENCY_SECONDS, type JobRow, MAX_PART_URLS } from '../contracts/jobs.ts';
import { DomainError } from '../errors.ts';
import type { UsageCounter } from '../quota/quota.ts';
import { DAY_MS, dayNumber, startOfNextDay } from '../time.ts';
import { acceptUpload } from './advance.ts';
import { isInParts, isOpen, type JobStage, newJob, uploadPartBytes, uploadPartCount, validateJob } from './job.ts';
import type { JobDeps, JobStore, PartUploads, UploadPart } from './ports.ts';

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

/** @throws DomainError `quota-reached` with the quota and how long to wait */
export async function checkQuotas(deps: BeginDeps, userId: string): Promise<void> {
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
export async function beginJob(
  deps: BeginDeps,
  userId: string,
  input: z.infer<typeof CreateJob>,
  key: string | undefined,
): Promise<JobRow> {
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
  const upload = isInParts(job) ? { upload_id: await deps.uploads.begin(job.object_key, input.contentType) } : {};
  if (await deps.jobs.create({ ...job, ...upload })) return { ...job, ...upload };
  // A concurrent request with the same key has created the job.
  if (upload.upload_id !== undefined) await deps.uploads.abort(job.object_key, upload.upload_id);
  return (await deps.jobs.get(jobId)) ?? job;
}

/** @throws DomainError `already-over` if the job no longer accepts uploads */
export function requireUploading(job: JobRow): void {
  if (!isOpen(job) || job.uploaded_at_ms !== undefined)
    throw new DomainError('already-over', `the job no longer accepts uploads; it is ${job.status}`);
}

/** Part numbers to sign: the requested ones, or the first that are not uploaded. @throws DomainError `invalid` for an unknown part */
export function partsToSign(job: JobRow, uploaded: readonly UploadPart[], requested: readonly number[] | undefined): number[] {
  const count = uploadPartCount(job);
  const wrong = requested?.find((number) => number > count);
  if (wrong !== undefined) throw new DomainError('invalid', `the file has ${count} parts; there is no part ${wrong}`);
  if (requested !== undefined) return [...new Set(requested)];
  const known = new Set(uploaded.map(({ partNumber }) => partNumber));
  return Array.from({ length: count }, (_, i) => i + 1)
    .filter((number) => !known.has(number))
    .slice(0, MAX_PART_URLS);
}

/** Completes an upload; idempotent. @throws DomainError `upload-incomplete` with the missing parts */
export async function completeUpload(deps: JobDeps, job: JobRow): Promise<void> {
  if (job.uploaded_at_ms !== undefined) return;
  if (job.upload_id !== undefined) {
    const uploaded = await deps.uploads.list(job.object_key, job.upload_id);
    const complete = new Set(
      uploaded.filter((part) => part.sizeBytes === uploadPartBytes(job, part.partNumber)).map((p) => p.partNumber),
    );
    const missing = Array.from({ length: uploadPartCount(job) }, (_, i) => i + 1).filter((number) => !complete.has(number));
    if (missing.length > 0 && (await deps.files.head(job.object_key)) === undefined)
      throw new DomainError('upload-incomplete', `${missing.length} parts are not uploaded yet`, {
        missing: missing.slice(0, 100),
      });
    if (missing.length === 0) await deps.uploads.complete(job.object_key, job.upload_id, uploaded);
  }
  if (!(await acceptUpload(deps, job.job_id)))
    throw new DomainError('upload-incomplete', 'the file is not uploaded yet; send it to the upload URL first');
}
