/**
 * The upload of a file: in one piece, or in parts that can be retried one by one.
 *
 * Gotcha: completing an upload is idempotent: repeated calls and events queue the file once.
 */
import { FILE_UPLOAD_URL_SECONDS, type JobRow, MAX_PART_URLS, UPLOAD_PART_BYTES } from '../contracts/jobs.ts';
import { DomainError } from '../errors.ts';
import type { SignPart, SignUpload } from '../signing.ts';
import { iso } from '../time.ts';
import { acceptUpload } from './advance.ts';
import { isOpen } from './job.ts';
import type { JobDeps, PartUploads, UploadPart } from './ports.ts';

/** Whether the file is uploaded in parts. */
export const isInParts = ({ size_bytes }: Pick<JobRow, 'size_bytes'>): boolean => size_bytes > UPLOAD_PART_BYTES;
const partCountOf = ({ size_bytes }: JobRow): number => Math.ceil(size_bytes / UPLOAD_PART_BYTES);
/** Size of a part; the last part has the remaining bytes. */
const partBytesOf = (job: JobRow, partNumber: number): number =>
  partNumber < partCountOf(job) ? UPLOAD_PART_BYTES : job.size_bytes - (partCountOf(job) - 1) * UPLOAD_PART_BYTES;
const allPartsOf = (job: JobRow): number[] => Array.from({ length: partCountOf(job) }, (_, i) => i + 1);

/** Dependencies of presigning the upload of a new job. */
export interface UploadDeps {
  readonly sign: SignUpload;
  readonly nowMs: () => number;
}

/** The URL of an upload in one piece. */
const wholeUpload = async ({ sign }: Pick<UploadDeps, 'sign'>, job: JobRow) => ({
  kind: 'single' as const,
  ...(await sign({
    key: job.object_key,
    contentType: job.content_type,
    sizeBytes: job.size_bytes,
    sha256: job.sha256,
    overwrite: false,
    declared: {},
    expiresInSeconds: FILE_UPLOAD_URL_SECONDS,
  })),
});

/** How the client uploads the file of a new job. */
export const uploadOf = async (deps: UploadDeps, job: JobRow) =>
  isInParts(job)
    ? {
        kind: 'parts' as const,
        partSizeBytes: UPLOAD_PART_BYTES,
        partCount: partCountOf(job),
        expiresAt: iso(job.due_at_ms ?? deps.nowMs()),
      }
    : wholeUpload(deps, job);

/** Part numbers to sign: the requested ones, or the first that are not uploaded. @throws DomainError `invalid` for an unknown part */
function partsToSign(job: JobRow, uploaded: readonly UploadPart[], requested: readonly number[] | undefined): number[] {
  const count = partCountOf(job);
  const wrong = requested?.find((number) => number > count);
  if (wrong !== undefined) throw new DomainError('invalid', `the file has ${count} parts; there is no part ${wrong}`);
  if (requested !== undefined) return [...new Set(requested)];
  const known = new Set(uploaded.map(({ partNumber }) => partNumber));
  return allPartsOf(job)
    .filter((number) => !known.has(number))
    .slice(0, MAX_PART_URLS);
}

/** Dependencies of presigning parts. */
export interface SignPartsDeps {
  readonly uploads: Pick<PartUploads, 'list'>;
  readonly sign: SignUpload;
  readonly signPart: SignPart;
}

/**
 * Presigns parts of the upload, and lists those that are already uploaded. A file that is uploaded in one piece gets a new URL.
 * @throws DomainError `already-over` if the job no longer accepts uploads; `invalid` for an unknown part
 */
export async function signParts(deps: SignPartsDeps, job: JobRow, requested: readonly number[] | undefined) {
  if (!isOpen(job) || job.uploaded_at_ms !== undefined)
    throw new DomainError('already-over', `the job no longer accepts uploads; it is ${job.status}`);
  const { object_key: key, upload_id: uploadId } = job;
  if (uploadId === undefined) return { parts: [], uploaded: [], upload: await wholeUpload(deps, job) };
  const uploaded = await deps.uploads.list(key, uploadId);
  const parts = await Promise.all(
    partsToSign(job, uploaded, requested).map(async (partNumber) => ({
      partNumber,
      ...(await deps.signPart(key, uploadId, partNumber, partBytesOf(job, partNumber))),
    })),
  );
  return { parts, uploaded: uploaded.map(({ partNumber, sizeBytes }) => ({ partNumber, sizeBytes })) };
}

/** Completes an upload; idempotent. @throws DomainError `already-over`; `upload-incomplete` with the missing parts */
export async function completeUpload(deps: JobDeps, job: JobRow): Promise<void> {
  if (!isOpen(job)) throw new DomainError('already-over', `the job is ${job.status}`);
  if (job.uploaded_at_ms !== undefined) return;
  if (job.upload_id !== undefined) {
    const uploaded = await deps.uploads.list(job.object_key, job.upload_id);
    const complete = new Set(
      uploaded.filter((part) => part.sizeBytes === partBytesOf(job, part.partNumber)).map((p) => p.partNumber),
    );
    const missing = allPartsOf(job).filter((number) => !complete.has(number));
    if (missing.length > 0 && (await deps.files.head(job.object_key)) === undefined)
      throw new DomainError('upload-incomplete', `${missing.length} parts are not uploaded yet`, {
        missing: missing.slice(0, 100),
      });
    if (missing.length === 0) await deps.uploads.complete(job.object_key, job.upload_id, uploaded);
  }
  if (!(await acceptUpload(deps, job.job_id)))
    throw new DomainError('upload-incomplete', 'the file is not uploaded yet; send it to the upload URL first');
}
