/** The job of a file: created once for the same file and options, then followed until it ends. */
import { createHash } from 'node:crypto';
import type { ApiClient, CallResult } from '../../core/contracts/calls/client.ts';
import { type CHANNELS, fileTypeOf } from '../../core/contracts/media.ts';
import { CliError } from '../connection.ts';
import type { Source } from './source.ts';

const POLL_MS = 2000;
/** Idempotency keys tried for one file and options; a key whose job was cancelled or deleted is not reusable. */
const MAX_KEYS = 20;

/** How the file is transcribed. */
export interface JobOptions {
  readonly language?: string;
  readonly model?: string;
  readonly prompt?: string;
  readonly hotwords?: string;
  readonly diarize?: boolean;
  readonly minSpeakers?: number;
  readonly maxSpeakers?: number;
  readonly channels?: (typeof CHANNELS)[number];
  readonly recordedAt?: string;
  readonly urgent?: boolean;
}

/** Creates the job of a file and these options, or returns the one of an earlier call. A failed job is retried. */
export async function createJob(
  api: ApiClient,
  source: Source,
  options: JobOptions,
): Promise<CallResult<'POST /api/transcriptions'>> {
  const body = {
    filename: source.name,
    contentType: fileTypeOf(source.name),
    sizeBytes: source.sizeBytes,
    language: options.language,
    model: options.model,
    prompt: options.prompt,
    hotwords: options.hotwords,
    diarize: options.diarize,
    minSpeakers: options.minSpeakers,
    maxSpeakers: options.maxSpeakers,
    channels: options.channels,
    recordedAt: options.recordedAt,
    modifiedAt: new Date(source.modifiedMs).toISOString(),
    priority: options.urgent ? 'urgent' : 'normal',
  } as const;
  for (let keyNumber = 1; keyNumber <= MAX_KEYS; keyNumber++) {
    const key = createHash('sha256')
      .update(JSON.stringify([source.path, source.modifiedMs, body, keyNumber]))
      .digest('hex');
    const headers = { 'Idempotency-Key': key };
    const job = await api('POST /api/transcriptions', { headers, body }).catch((error: Error) => {
      if ('problem' in error && error.problem === 'deleted') return undefined;
      throw error;
    });
    if (job?.status === 'failed') await api('POST /api/transcriptions/{id}/retry', { path: { id: job.id } });
    if (job !== undefined && job.status !== 'cancelled') return job;
  }
  throw new CliError('too many jobs of this file were cancelled; try again tomorrow');
}

type JobStatus = CallResult<'GET /api/transcriptions/{id}/status'>;

/** Polls a job until it has ended. */
export async function follow(api: ApiClient, id: string, onChange: (job: JobStatus) => void): Promise<JobStatus> {
  for (;;) {
    const job = await api('GET /api/transcriptions/{id}/status', { path: { id } });
    onChange(job);
    if (job.status !== 'pending' && job.status !== 'processing') return job;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
