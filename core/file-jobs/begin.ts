/** A job's beginning: asked for, uploaded in one piece or in parts. */
import { createHash } from 'node:crypto';
import type * as z from 'zod';
import type { CreateJob } from '../contracts/http.ts';
import { IDEMPOTENCY_SECONDS, type JobRow, MAX_PART_URLS } from '../contracts/jobs.ts';
import { DomainError } from '../errors.ts';
import type { QuotaStore } from '../quota/quota.ts';
import { takeUpload } from './advance.ts';
import { admitJob, isInParts, isOpen, type JobStage, newJob, uploadPartBytes, uploadPartCount } from './job.ts';
import type { JobDeps, JobStore, PartUploads, UploadPart } from './ports.ts';

export interface BeginDeps {
  readonly jobs: JobStore;
  readonly uploads: PartUploads;
  readonly quota: QuotaStore;
  readonly newUlid: () => string;
  readonly nowMs: () => number;
  readonly stage: JobStage;
  readonly maxOpenJobs: number;
  readonly maxAudioHours: number;
}

const DAY_MS = 86_400_000;
const dayOf = (nowMs: number): number => Math.floor(nowMs / DAY_MS);
const dayWindow = (userId: string, nowMs: number): string => `${userId}#audio-seconds#${dayOf(nowMs)}`;
const endOfDay = (nowMs: number): number => (dayOf(nowMs) + 1) * DAY_MS;

/** Counts seconds of audio against the user's day (UTC). */
export const countSeconds =
  ({ quota, nowMs }: Pick<BeginDeps, 'quota' | 'nowMs'>) =>
  async (userId: string, seconds: number): Promise<void> => {
    await quota.count(dayWindow(userId, nowMs()), endOfDay(nowMs()) + DAY_MS, Math.ceil(seconds));
  };

/** @throws DomainError `quota-reached` that says what is left, and how long to wait */
async function checkQuotas(deps: BeginDeps, userId: string): Promise<void> {
  const nowMs = deps.nowMs();
  const open = await deps.jobs.countOpen(userId);
  if (open >= deps.maxOpenJobs)
    throw new DomainError('quota-reached', `you have ${open} jobs open, and may have ${deps.maxOpenJobs}; wait for one to end`, {
      quota: 'open-jobs',
      left: 0,
      retryAfterSeconds: 60,
    });
  const usedHours = (await deps.quota.count(dayWindow(userId, nowMs), endOfDay(nowMs) + DAY_MS, 0)) / 3600;
  if (usedHours >= deps.maxAudioHours)
    throw new DomainError(
      'quota-reached',
      `you have had ${Math.floor(usedHours)} hours of audio transcribed today, and may have ${deps.maxAudioHours}; the day begins anew at 00:00 UTC`,
      { quota: 'audio-hours', left: 0, retryAfterSeconds: Math.ceil((endOfDay(nowMs) - nowMs) / 1000) },
    );
}

/**
 * Makes a job, or finds the one that the same key and request have made.
 * @throws DomainError `quota-reached`, `idempotency-mismatch`, and those of `admitJob`
 */
export async function beginJob(
  deps: BeginDeps,
  userId: string,
  input: z.infer<typeof CreateJob>,
  key: string | undefined,
): Promise<JobRow> {
  const extension = admitJob(input, deps.stage);
  let jobId = `job_${deps.newUlid()}`;
  if (key !== undefined) {
    const request = createHash('sha256').update(JSON.stringify(input)).digest('base64url');
    const hashed = createHash('sha256').update(key).digest('base64url');
    const made = await deps.jobs.remember(`${userId}#${hashed}`, { jobId, request }, deps.nowMs() + 1000 * IDEMPOTENCY_SECONDS);
    if (made.request !== request)
      throw new DomainError('idempotency-mismatch', 'this Idempotency-Key was used for another request; take a new one');
    jobId = made.jobId;
    const known = await deps.jobs.get(jobId);
    if (known?.status === 'deleted') throw new DomainError('deleted', 'the job that this Idempotency-Key made was deleted');
    if (known !== undefined) return known;
  }
  await checkQuotas(deps, userId);
  const job = newJob(input, extension, jobId, userId, deps.stage, deps.nowMs());
  const upload = isInParts(job) ? { upload_id: await deps.uploads.begin(job.object_key, input.contentType) } : {};
  if (await deps.jobs.create({ ...job, ...upload })) return { ...job, ...upload };
  // The same key, at the same time: the other one was first.
  if (upload.upload_id !== undefined) await deps.uploads.abort(job.object_key, upload.upload_id);
  return (await deps.jobs.get(jobId)) ?? job;
}

/** @throws DomainError `already-over` when nothing can be uploaded any more */
export function stillUploads(job: JobRow): void {
  if (!isOpen(job) || job.uploaded_at_ms !== undefined)
    throw new DomainError('already-over', `the file is there already; the job is ${job.status}`);
}

/** Parts that were asked for, or the first that are not there. @throws DomainError `invalid` for a number that the file has not */
export function partsToSign(job: JobRow, there: readonly UploadPart[], asked: readonly number[] | undefined): number[] {
  const count = uploadPartCount(job);
  const wrong = asked?.find((number) => number > count);
  if (wrong !== undefined) throw new DomainError('invalid', `the file has ${count} parts, and none of number ${wrong}`);
  if (asked !== undefined) return [...new Set(asked)];
  const known = new Set(there.map(({ partNumber }) => partNumber));
  return Array.from({ length: count }, (_, i) => i + 1)
    .filter((number) => !known.has(number))
    .slice(0, MAX_PART_URLS);
}

/** The client says that everything is there; said twice, it is the same. @throws DomainError `upload-incomplete` with what is missing */
export async function completeUpload(deps: JobDeps, job: JobRow): Promise<void> {
  if (job.uploaded_at_ms !== undefined) return;
  if (job.upload_id !== undefined) {
    const there = await deps.uploads.list(job.object_key, job.upload_id);
    const whole = new Set(
      there.filter((part) => part.sizeBytes === uploadPartBytes(job, part.partNumber)).map((p) => p.partNumber),
    );
    const missing = Array.from({ length: uploadPartCount(job) }, (_, i) => i + 1).filter((number) => !whole.has(number));
    if (missing.length > 0 && (await deps.files.head(job.object_key)) === undefined)
      throw new DomainError('upload-incomplete', `${missing.length} parts are not there yet`, { missing: missing.slice(0, 100) });
    if (missing.length === 0) await deps.uploads.complete(job.object_key, job.upload_id, there);
  }
  if (!(await takeUpload(deps, job.job_id)))
    throw new DomainError('upload-incomplete', 'the file has not arrived; upload it to the address that you got first');
}
