/** What clients read of a job: its status with the text, the transcript, the audio and the waveform. */
import type { Format } from '../contracts/formats.ts';
import type { JobRow } from '../contracts/jobs.ts';
import { fileTranscriptKey } from '../contracts/keys.ts';
import { DOWNLOAD_URL_SECONDS } from '../contracts/limits.ts';
import { DomainError } from '../errors.ts';
import type { SignDownload } from '../signing.ts';
import { fitsResponse, render } from '../transcripts/formats.ts';
import { positionsOf, type Waveform, waveform } from '../transcripts/positions.ts';
import type { JobDeps } from './ports.ts';
import { type ShowDeps, showJob } from './view.ts';
import { isCurrentRow } from './work.ts';

/** Where the text and the audio of a job are read. */
export interface ReadDeps {
  readonly files: JobDeps['files'];
  readonly downloadUrl: SignDownload;
}

/** Public form of a job, with its text once it is completed, unless the text is too large for a response. */
export async function jobStatus(deps: ShowDeps & Pick<ReadDeps, 'files'>, job: JobRow) {
  const text = job.status === 'completed' ? (await deps.files.readTranscript(job))?.text : undefined;
  return { ...(await showJob(deps, job)), ...(text !== undefined && fitsResponse(text) && { content: text }) };
}

/** A transcript in the requested format; `stored`: JSON that is too large for a response, with its presigned download. */
export type JobText = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'stored'; readonly url: string };

/** Reads the transcript of a completed job. @throws DomainError `not-ready` for other jobs */
export async function jobTranscript(
  { files, downloadUrl }: ReadDeps,
  job: JobRow,
  format: Format,
  marks = true,
): Promise<JobText> {
  const transcript = job.status === 'completed' ? await files.readTranscript(job) : undefined;
  if (transcript === undefined)
    throw new DomainError('not-ready', `the job is ${job.status}; its transcript is available once it is completed`);
  const text = render(transcript, format, marks);
  if (format !== 'json' || fitsResponse(text)) return { kind: 'text', text };
  return { kind: 'stored', url: await downloadUrl(fileTranscriptKey({ userId: job.user_id, jobId: job.job_id })) };
}

/** Presigns the download of a file's audio. @throws DomainError `not-ready` if it is not stored */
export async function jobAudio({ files, downloadUrl }: ReadDeps, job: JobRow) {
  if (job.uploaded_at_ms === undefined || (await files.head(job.object_key)) === undefined)
    throw new DomainError('not-ready', 'the file is not uploaded yet, or its audio was deleted');
  return { url: await downloadUrl(job.object_key), expiresInSeconds: DOWNLOAD_URL_SECONDS };
}

/** The waveform of a file, from its own parts or those of the job that did its work. */
export async function jobWaveform({ chunks }: Pick<JobDeps, 'chunks'>, job: JobRow, points: number): Promise<Waveform> {
  const rows = await chunks.listOf(job.same_as ?? job.job_id);
  return waveform(positionsOf(rows.filter((row) => job.same_as !== undefined || isCurrentRow(job, row))), points);
}
