import * as z from 'zod';
import { NoFields } from '../../core/contracts/fields.ts';
import { CONTENT_TYPES } from '../../core/contracts/formats.ts';
import {
  CreateJob,
  FormatQuery,
  IdempotencyKey,
  ListJobsQuery,
  PeaksQuery,
  Retranscribe,
  UploadParts,
} from '../../core/contracts/http.ts';
import { FILE_UPLOAD_URL_SECONDS, type JobRow, UPLOAD_PART_BYTES } from '../../core/contracts/jobs.ts';
import { fileTranscriptKey } from '../../core/contracts/keys.ts';
import { DOWNLOAD_URL_SECONDS, MAX_INLINE_JSON_BYTES } from '../../core/contracts/limits.ts';
import { DomainError } from '../../core/errors.ts';
import {
  type BeginDeps,
  beginJob,
  checkQuotas,
  completeUpload,
  partsToSign,
  requireUploading,
} from '../../core/file-jobs/begin.ts';
import { type ControlDeps, cancelJob, deleteJob, retryJob } from '../../core/file-jobs/control.ts';
import { isInParts, isOpen, jobFor, rowsFor, uploadPartBytes, uploadPartCount, viewJob } from '../../core/file-jobs/job.ts';
import { retranscribeJob } from '../../core/file-jobs/retranscribe.ts';
import { isCurrentRow, workOf } from '../../core/file-jobs/work.ts';
import { waitsFor } from '../../core/fleet/pool.ts';
import type { FleetStore } from '../../core/fleet/ports.ts';
import { render } from '../../core/transcripts/formats.ts';
import { positionsOf, waveform } from '../../core/transcripts/positions.ts';
import type { SignedUpload, UploadToSign } from '../adapters/s3-objects.ts';
import { bodyRoute, endpoints, json, queryRoute, type Reply } from '../runtime/endpoint.ts';

export interface JobsApiDeps extends BeginDeps, ControlDeps {
  readonly readPool: FleetStore['readPool'];
  readonly sign: (upload: UploadToSign) => Promise<SignedUpload>;
  readonly signPart: (key: string, uploadId: string, partNumber: number, sizeBytes: number) => Promise<SignedUpload>;
  readonly downloadUrl: (key: string) => Promise<string>;
  /** @throws DomainError `invalid` for an address that webhooks must not call */
  readonly checkCallback: (url: string) => void;
}

const NOTHING = z.object({});

/** File jobs: create, upload, show, transcript, audio, cancel, retry, retranscribe, delete. Audio is uploaded directly to S3. */
export const buildHandler = (deps: JobsApiDeps, clientId: string) => {
  const wholeUpload = async (job: JobRow) => ({
    kind: 'single' as const,
    ...(await deps.sign({
      key: job.object_key,
      contentType: job.content_type,
      sizeBytes: job.size_bytes,
      sha256: job.sha256,
      overwrite: false,
      declared: {},
      expiresInSeconds: FILE_UPLOAD_URL_SECONDS,
    })),
  });
  const uploadOf = async (job: JobRow) =>
    isInParts(job)
      ? {
          kind: 'parts' as const,
          partSizeBytes: UPLOAD_PART_BYTES,
          partCount: uploadPartCount(job),
          expiresAt: new Date(job.due_at_ms ?? deps.nowMs()).toISOString(),
        }
      : wholeUpload(job);
  const stageModel = deps.stage.models[0] ?? '';
  const retranscribeDeps = { ...deps, models: deps.stage.models, checkQuotas: (userId: string) => checkQuotas(deps, userId) };
  const view = async (job: JobRow) =>
    viewJob(
      job,
      stageModel,
      await rowsFor(deps, job),
      isOpen(workOf(job)) ? waitsFor(await deps.readPool(), deps.nowMs()) : undefined,
    );

  return endpoints(
    {
      'POST /api/transcriptions': bodyRoute(CreateJob, async ({ input, caller, headers }) => {
        if (input.callbackUrl !== undefined) deps.checkCallback(input.callbackUrl);
        const key = headers['idempotency-key'] === undefined ? undefined : IdempotencyKey.parse(headers['idempotency-key']);
        const job = await beginJob(deps, caller.userId, input, key);
        return json(201, { id: job.job_id, status: job.status, upload: await uploadOf(job) });
      }),

      'GET /api/transcriptions': queryRoute(ListJobsQuery, async ({ input, caller }) => {
        const { items, cursor } = await deps.jobs.listOf(caller.userId, input.limit, input.cursor, input.status);
        return json(200, { jobs: await Promise.all(items.map(view)), cursor });
      }),

      'POST /api/transcriptions/{id}/parts': bodyRoute(UploadParts, async ({ input, caller, id }) => {
        const job = await jobFor(deps.jobs, caller, id);
        requireUploading(job);
        const { upload_id: uploadId } = job;
        if (uploadId === undefined) return json(200, { parts: [], uploaded: [], upload: await wholeUpload(job) });
        const uploaded = await deps.uploads.list(job.object_key, uploadId);
        const parts = await Promise.all(
          partsToSign(job, uploaded, input.partNumbers).map(async (partNumber) => ({
            partNumber,
            ...(await deps.signPart(job.object_key, uploadId, partNumber, uploadPartBytes(job, partNumber))),
          })),
        );
        return json(200, { parts, uploaded: uploaded.map(({ partNumber, sizeBytes }) => ({ partNumber, sizeBytes })) });
      }),

      'POST /api/transcriptions/{id}/upload-complete': bodyRoute(NoFields, async ({ caller, id }) => {
        const job = await jobFor(deps.jobs, caller, id);
        if (!isOpen(job)) throw new DomainError('already-over', `the job is ${job.status}`);
        await completeUpload(deps, job);
        return json(202, await view(await jobFor(deps.jobs, caller, id)));
      }),

      'GET /api/transcriptions/{id}/status': queryRoute(NOTHING, async ({ caller, id }) => {
        const job = await jobFor(deps.jobs, caller, id);
        const text = job.status === 'completed' ? (await deps.files.readTranscript(job))?.text : undefined;
        const isSmall = text !== undefined && Buffer.byteLength(text) <= MAX_INLINE_JSON_BYTES;
        return json(200, { ...(await view(job)), ...(isSmall && { content: text }) });
      }),

      'GET /api/transcriptions/{id}/transcript': queryRoute(
        FormatQuery,
        async ({ input: { format }, caller, id }): Promise<Reply> => {
          const job = await jobFor(deps.jobs, caller, id);
          const transcript = job.status === 'completed' ? await deps.files.readTranscript(job) : undefined;
          if (transcript === undefined)
            throw new DomainError('not-ready', `the job is ${job.status}; its transcript is available once it is completed`);
          const body = format === 'json' ? JSON.stringify(transcript) : render(transcript, format);
          if (format !== 'json' || Buffer.byteLength(body) <= MAX_INLINE_JSON_BYTES)
            return { statusCode: 200, headers: { 'content-type': CONTENT_TYPES[format], 'cache-control': 'no-store' }, body };
          const location = await deps.downloadUrl(fileTranscriptKey({ userId: job.user_id, jobId: id }));
          return { statusCode: 307, headers: { location, 'cache-control': 'no-store' } };
        },
      ),

      'GET /api/transcriptions/{id}/audio': queryRoute(NOTHING, async ({ caller, id }) => {
        const job = await jobFor(deps.jobs, caller, id);
        if (job.uploaded_at_ms === undefined || (await deps.files.head(job.object_key)) === undefined)
          throw new DomainError('not-ready', 'the file is not uploaded yet, or its audio was deleted');
        return json(200, { url: await deps.downloadUrl(job.object_key), expiresInSeconds: DOWNLOAD_URL_SECONDS });
      }),

      'GET /api/transcriptions/{id}/peaks': queryRoute(PeaksQuery, async ({ input: { points }, caller, id }) => {
        const job = await jobFor(deps.jobs, caller, id);
        const rows = await deps.chunks.listOf(job.same_as ?? id);
        return json(
          200,
          waveform(positionsOf(rows.filter((row) => job.same_as !== undefined || isCurrentRow(job, row))), points),
        );
      }),

      'POST /api/transcriptions/{id}/cancel': bodyRoute(NoFields, async ({ caller, id }) =>
        json(200, await view(await cancelJob(deps, await jobFor(deps.jobs, caller, id)))),
      ),

      'POST /api/transcriptions/{id}/retry': bodyRoute(NoFields, async ({ caller, id }) =>
        json(202, await view(await retryJob(deps, await jobFor(deps.jobs, caller, id)))),
      ),

      'POST /api/transcriptions/{id}/retranscribe': bodyRoute(Retranscribe, async ({ input, caller, id }) => {
        const job = await jobFor(deps.jobs, caller, id);
        return json(202, await view(await retranscribeJob(retranscribeDeps, job, input)));
      }),

      'DELETE /api/transcriptions/{id}': queryRoute(NOTHING, async ({ caller, id }) => {
        await deleteJob(deps, await jobFor(deps.jobs, caller, id));
        return { statusCode: 204 };
      }),
    },
    clientId,
    deps,
  );
};
