import { CONTENT_TYPES } from '../../core/contracts/formats.ts';
import { type CreateDeps, createJob } from '../../core/file-jobs/begin.ts';
import { type ControlDeps, cancelJob, deleteJob, retryJob } from '../../core/file-jobs/control.ts';
import { jobFor } from '../../core/file-jobs/job.ts';
import { jobAudio, jobStatus, jobTranscript, jobWaveform, type ReadDeps } from '../../core/file-jobs/read.ts';
import { retranscribeJob } from '../../core/file-jobs/retranscribe.ts';
import { spokenFile } from '../../core/file-jobs/speakers.ts';
import { completeUpload, type SignPartsDeps, signParts } from '../../core/file-jobs/upload.ts';
import { type ShowDeps, showJob } from '../../core/file-jobs/view.ts';
import { assignSpeaker, nameSpeaker } from '../../core/transcripts/save-speakers.ts';
import { endpoints } from '../runtime/endpoint.ts';

export interface JobsApiDeps
  extends CreateDeps,
    ControlDeps,
    Pick<ShowDeps, 'readPool'>,
    Pick<SignPartsDeps, 'signPart'>,
    Pick<ReadDeps, 'downloadUrl' | 'storeExport'> {}

/** File jobs: create, upload, show, transcript, speakers, audio, cancel, retry, retranscribe, delete. Audio is uploaded directly to S3. */
export const buildHandler = (deps: JobsApiDeps, clientId: string) =>
  endpoints(
    {
      'POST /api/transcriptions': async ({ body, caller, headers }) => ({
        status: 201,
        body: await createJob(deps, caller.userId, body, headers['Idempotency-Key']),
      }),

      'GET /api/transcriptions': async ({ query: { limit, cursor, status }, caller }) => {
        const page = await deps.jobs.listOf(caller.userId, limit, cursor, status);
        const jobs = await Promise.all(page.items.map((job) => showJob(deps, job)));
        return { status: 200, body: { jobs, cursor: page.cursor } };
      },

      'POST /api/transcriptions/{id}/parts': async ({ body, caller, id }) => {
        const job = await jobFor(deps.jobs, caller, id);
        return { status: 200, body: await signParts(deps, job, body.partNumbers) };
      },

      'POST /api/transcriptions/{id}/upload-complete': async ({ caller, id }) => {
        await completeUpload(deps, await jobFor(deps.jobs, caller, id));
        return { status: 202, body: await showJob(deps, await jobFor(deps.jobs, caller, id)) };
      },

      'GET /api/transcriptions/{id}/status': async ({ caller, id }) => {
        const job = await jobFor(deps.jobs, caller, id);
        return { status: 200, body: await jobStatus(deps, job) };
      },

      'GET /api/transcriptions/{id}/transcript': async ({ query, caller, id }) => {
        const found = await jobTranscript(deps, await jobFor(deps.jobs, caller, id), query);
        if (found.kind === 'stored') return { status: 307, location: found.url };
        return { status: 200, contentType: CONTENT_TYPES[query.format], content: found.content };
      },

      'GET /api/transcriptions/{id}/audio': async ({ caller, id }) => {
        const job = await jobFor(deps.jobs, caller, id);
        return { status: 200, body: await jobAudio(deps, job) };
      },

      'GET /api/transcriptions/{id}/peaks': async ({ query, caller, id }) => {
        const job = await jobFor(deps.jobs, caller, id);
        return { status: 200, body: await jobWaveform(deps, job, query.points) };
      },

      'POST /api/transcriptions/{id}/cancel': async ({ caller, id }) => {
        const job = await cancelJob(deps, await jobFor(deps.jobs, caller, id));
        return { status: 200, body: await showJob(deps, job) };
      },

      'POST /api/transcriptions/{id}/retry': async ({ caller, id }) => {
        const job = await retryJob(deps, await jobFor(deps.jobs, caller, id));
        return { status: 202, body: await showJob(deps, job) };
      },

      'POST /api/transcriptions/{id}/retranscribe': async ({ body, caller, id }) => {
        const job = await retranscribeJob(deps, await jobFor(deps.jobs, caller, id), body);
        return { status: 202, body: await showJob(deps, job) };
      },

      'PUT /api/transcriptions/{id}/speakers': async ({ body, caller, id }) => {
        const job = await jobFor(deps.jobs, caller, id);
        return { status: 200, body: { version: await nameSpeaker(await spokenFile(deps, job), body) } };
      },

      'POST /api/transcriptions/{id}/speakers/assign': async ({ body, caller, id }) => {
        const job = await jobFor(deps.jobs, caller, id);
        return { status: 200, body: { version: await assignSpeaker(await spokenFile(deps, job), body) } };
      },

      'DELETE /api/transcriptions/{id}': async ({ caller, id }) => {
        await deleteJob(deps, await jobFor(deps.jobs, caller, id));
        return { status: 204 };
      },
    },
    clientId,
    deps,
  );
