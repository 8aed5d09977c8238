/** What clients read of a job: its status with the text, the transcript, the audio and the waveform. */
import type { JobRow } from '../contracts/jobs.ts';
import { fileExportKey, fileTranscriptKey } from '../contracts/keys.ts';
import { DOWNLOAD_URL_SECONDS } from '../contracts/limits.ts';
import { DomainError } from '../errors.ts';
import { type ExportDeps, type ExportRequest, exported, fitsResponse, nameOf, type Sent, sent } from '../transcripts/exports.ts';
import { positionsOf, type Waveform, waveform } from '../transcripts/positions.ts';
import type { JobDeps } from './ports.ts';
import { shownText } from './speakers.ts';
import { recordedMsOf, type ShowDeps, showJob } from './view.ts';
import { isCurrentRow } from './work.ts';

/** Where the text and the audio of a job are read. */
export interface ReadDeps extends ExportDeps {
  readonly files: JobDeps['files'];
}

/** Public form of a job, with its text once it is completed, unless the text is too large for a response. */
export async function jobStatus(deps: ShowDeps & Pick<ReadDeps, 'files'>, job: JobRow) {
  const text = job.status === 'completed' ? (await deps.files.readTranscript(job))?.text : undefined;
  return { ...(await showJob(deps, job)), ...(text !== undefined && fitsResponse(text) && { content: text }) };
}

/** Reads the transcript of a completed job in the requested format. @throws DomainError `not-ready` for other jobs */
export async function jobTranscript({ files, ...deps }: ReadDeps, job: JobRow, request: ExportRequest): Promise<Sent> {
  const { transcript, isStored } = await shownText(files, job);
  const place = { userId: job.user_id, jobId: job.job_id };
  const about = { title: job.filename, recordedAtMs: recordedMsOf(job), addedAtMs: job.created_at_ms };
  const content = await exported(transcript, about, request);
  const { format, words } = request;
  if (format !== 'json' || words === false || !isStored)
    return sent(deps, content, format, fileExportKey(place, `${nameOf(request)}.${format}`));
  if (fitsResponse(content)) return { kind: 'content', content };
  return { kind: 'stored', url: await deps.downloadUrl(fileTranscriptKey(place)) };
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
