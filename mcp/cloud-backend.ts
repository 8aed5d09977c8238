/** Backend: a stage on AWS or the local host. Uploads files like the command line. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type * as z from 'zod';
import { connection } from '../cli/connection.ts';
import { upload } from '../cli/upload.ts';
import { type Job, JobCreated, JobList, JobStatus } from '../core/contracts/answers.ts';
import { fileTypeOf } from '../core/contracts/jobs.ts';
import { FileTranscript } from '../core/contracts/transcript.ts';
import { type Backend, BackendError, type Progress } from './backend.ts';

const stateOf = (status: z.infer<typeof Job>['status']): Progress['status'] => (status === 'pending' ? 'queued' : status);
const asBackendError = (error: unknown): never => {
  const problem = error instanceof Error && 'problem' in error ? String(error.problem) : 'stage-unreachable';
  const code = problem === 'not-found' ? 'unknown-job' : problem;
  throw new BackendError(code, error instanceof Error ? error.message : 'the stage does not respond');
};

export function cloudBackend(url: string): Backend {
  const { call, text } = connection();
  const at = (jobId: string): string => `/api/transcriptions/${encodeURIComponent(jobId)}`;
  return {
    url,
    async check() {
      await call('GET', '/api/transcriptions?limit=1', JobList).catch(asBackendError);
    },
    async send(path, filename, { model, language }, onSent) {
      const { size, mtimeMs } = await stat(path);
      const options = { ...(model !== undefined && { model }), ...(language !== undefined && { language }) };
      const body = { filename, contentType: fileTypeOf(filename), sizeBytes: size, ...options };
      const key = createHash('sha256')
        .update(JSON.stringify([path, mtimeMs, body]))
        .digest('hex');
      const job = await call('POST', '/api/transcriptions', JobCreated, body, { 'idempotency-key': key }).catch(asBackendError);
      if (job.status !== 'pending') return { jobId: job.id, status: stateOf(job.status) };
      let sent = 0;
      await upload(call, job, path, (bytes) => {
        sent += bytes;
        void onSent(sent / size);
      }).catch(asBackendError);
      return { jobId: job.id, status: 'queued' };
    },
    async progress(jobId) {
      const { status, progress, error } = await call('GET', `${at(jobId)}/status`, JobStatus).catch(asBackendError);
      return { status: stateOf(status), progress, error };
    },
    async list(limit) {
      const { jobs } = await call('GET', `/api/transcriptions?limit=${limit}`, JobList).catch(asBackendError);
      return jobs.map(({ id, filename, status, createdAt, durationSeconds }) => ({
        jobId: id,
        filename,
        status: stateOf(status),
        createdAt,
        ...(durationSeconds !== undefined && { durationSeconds }),
      }));
    },
    transcript: (jobId) => call('GET', `${at(jobId)}/transcript`, FileTranscript).catch(asBackendError),
    render: (jobId, format) => text(`${at(jobId)}/transcript?format=${format}`).catch(asBackendError),
  };
}
