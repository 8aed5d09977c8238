/** Backend: the persistent worker service (gpu-worker serve). */
import { openAsBlob } from 'node:fs';
import * as z from 'zod';
import { type Backend, BackendError, Progress, TranscriptResult } from './backend.ts';

const Health = z.object({ status: z.string() });
const Queued = z.object({ job_id: z.string(), status: Progress.shape.status });
const Jobs = z.object({
  jobs: z.array(
    z.object({
      job_id: z.string(),
      filename: z.string(),
      status: Progress.shape.status,
      created_at: z.number(),
      seconds: z.number().nullable(),
    }),
  ),
});
const ErrorBody = z.object({ code: z.string(), detail: z.string() });
const CHECK_MS = 5000;

export function serviceBackend(address: string, token: string | undefined): Backend {
  const url = address.replace(/\/$/, '');
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const call = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const response = await fetch(`${url}${path}`, { ...init, headers }).catch(() => undefined);
    if (response === undefined)
      throw new BackendError('service-unreachable', `the service at ${url} does not respond; is it running?`);
    if (response.ok) return response;
    const body = ErrorBody.safeParse(await response.json().catch(() => undefined)).data;
    throw new BackendError(
      body?.code ?? `status-${response.status}`,
      body?.detail ?? `the service responded with status ${response.status}`,
    );
  };
  return {
    url,
    async check() {
      const { status } = Health.parse(await (await call('/health', { signal: AbortSignal.timeout(CHECK_MS) })).json());
      if (status === 'no-model') throw new BackendError('no-model', `the service at ${url} cannot load its model`);
    },
    async send(path, filename, { model, language, channels, diarize, minSpeakers, maxSpeakers }, onSent) {
      const body = new FormData();
      if (model !== undefined) body.append('model', model);
      if (language !== undefined) body.append('language', language);
      if (channels !== undefined) body.append('channels', channels);
      if (diarize) body.append('diarize', 'true');
      if (minSpeakers !== undefined) body.append('min_speakers', String(minSpeakers));
      if (maxSpeakers !== undefined) body.append('max_speakers', String(maxSpeakers));
      body.append('file', await openAsBlob(path), filename);
      await onSent(0);
      const { job_id, status } = Queued.parse(await (await call('/transcribe', { method: 'POST', body })).json());
      await onSent(1);
      return { jobId: job_id, status };
    },
    progress: async (jobId) => Progress.parse(await (await call(`/status/${encodeURIComponent(jobId)}`)).json()),
    async list(limit) {
      const { jobs } = Jobs.parse(await (await call('/jobs')).json());
      return jobs.slice(0, limit).map(({ job_id, filename, status, created_at, seconds }) => ({
        jobId: job_id,
        filename,
        status,
        createdAt: new Date(1000 * created_at).toISOString(),
        ...(seconds !== null && { durationSeconds: seconds }),
      }));
    },
    transcript: async (jobId) => TranscriptResult.parse(await (await call(`/transcript/${encodeURIComponent(jobId)}`)).json()),
    render: async (jobId, format) => (await call(`/transcript/${encodeURIComponent(jobId)}?format=${format}`)).text(),
  };
}
