/** Backend: a stage on AWS or the local host. Uploads files like the command line. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { connection } from '../cli/connection.ts';
import { upload } from '../cli/upload.ts';
import type { CallResult } from '../core/contracts/calls/client.ts';
import { fileTypeOf } from '../core/contracts/media.ts';
import { type Backend, BackendError, type Progress } from './backend.ts';

const stateOf = (status: CallResult<'POST /api/transcriptions'>['status']): Progress['status'] =>
  status === 'pending' ? 'queued' : status;
const asBackendError = (error: unknown): never => {
  const problem = error instanceof Error && 'problem' in error ? String(error.problem) : 'stage-unreachable';
  const code = problem === 'not-found' ? 'unknown-job' : problem;
  throw new BackendError(code, error instanceof Error ? error.message : 'the stage does not respond');
};

export function cloudBackend(url: string): Backend {
  const { api } = connection();
  return {
    url,
    async check() {
      await api('GET /api/transcriptions', { query: { limit: 1 } }).catch(asBackendError);
    },
    async send(path, filename, { model, language, channels, diarize, minSpeakers, maxSpeakers }, onSent) {
      const { size, mtimeMs } = await stat(path);
      const options = {
        modifiedAt: new Date(mtimeMs).toISOString(),
        ...(model !== undefined && { model }),
        ...(language !== undefined && { language }),
        ...(channels !== undefined && { channels }),
        ...(diarize && { diarize }),
        ...(minSpeakers !== undefined && { minSpeakers }),
        ...(maxSpeakers !== undefined && { maxSpeakers }),
      };
      const body = { filename, contentType: fileTypeOf(filename), sizeBytes: size, ...options };
      const key = createHash('sha256')
        .update(JSON.stringify([path, mtimeMs, body]))
        .digest('hex');
      const headers = { 'Idempotency-Key': key };
      const job = await api('POST /api/transcriptions', { headers, body }).catch(asBackendError);
      if (job.status !== 'pending') return { jobId: job.id, status: stateOf(job.status) };
      let sent = 0;
      await upload(api, job, path, (bytes) => {
        sent += bytes;
        void onSent(sent / size);
      }).catch(asBackendError);
      return { jobId: job.id, status: 'queued' };
    },
    async progress(jobId) {
      const { status, progress, error } = await api('GET /api/transcriptions/{id}/status', { path: { id: jobId } }).catch(
        asBackendError,
      );
      return { status: stateOf(status), progress, error };
    },
    async list(limit) {
      const { jobs } = await api('GET /api/transcriptions', { query: { limit } }).catch(asBackendError);
      return jobs.map(({ id, filename, status, createdAt, durationSeconds }) => ({
        jobId: id,
        filename,
        status: stateOf(status),
        createdAt,
        ...(durationSeconds !== undefined && { durationSeconds }),
      }));
    },
    transcript: (jobId) => api('GET /api/transcriptions/{id}/transcript', { path: { id: jobId } }).catch(asBackendError),
    render: (jobId, format) =>
      api.text('GET /api/transcriptions/{id}/transcript', { path: { id: jobId }, query: { format } }).catch(asBackendError),
  };
}
