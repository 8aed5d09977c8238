/** Progress of a job, by the rows of its file and parts. */
import { createHash } from 'node:crypto';
import type { JobRow } from '../contracts/jobs.ts';
import type { ChunkRow } from '../contracts/rows.ts';
import { isOpen } from './job.ts';
import type { JobDeps } from './ports.ts';
import { isCurrentRow, workOf } from './work.ts';

interface Progress {
  /** Percent in steps of 0.1. */
  readonly progress: number;
  readonly stage: string;
}
const QUEUED: Progress = { progress: 0, stage: 'Queued' };
/** Percent at which the steps begin. */
const [COMPRESSING, ANALYZING, CUT, TRANSCRIBED] = [10, 20, 30, 90];

/** Rounds down to 0.1: one percent of a day of audio takes so long that a user would think the job is stuck. */
const between = (from: number, to: number, share: number): number => Math.floor(10 * (from + (to - from) * share)) / 10;

/** Progress of a job, by the share of its audio that is done. Row 0 is the file itself, the other rows are its parts. */
export function progressOf(job: JobRow, rows: readonly ChunkRow[]): Progress {
  const source = rows.find((row) => row.chunk_number === 0);
  if (source === undefined) return QUEUED;
  if (source.state !== 'done') {
    if (source.state === 'pending' && source.progress === undefined) return QUEUED;
    const share = source.progress ?? 0;
    return job.compress
      ? { progress: between(COMPRESSING, ANALYZING, share), stage: 'Compressing audio' }
      : { progress: between(ANALYZING, CUT, share), stage: 'Analyzing audio' };
  }
  const parts = rows.filter((row) => row.chunk_number > 0);
  const { part_count: count } = job;
  if (count === undefined || parts.length < count) return { progress: CUT, stage: 'Creating chunks' };
  const seconds = (row: ChunkRow): number => row.said_seconds ?? 0;
  const total = parts.reduce((sum, row) => sum + seconds(row), 0);
  const transcribed = parts.reduce((sum, row) => sum + seconds(row) * (row.state === 'done' ? 1 : (row.progress ?? 0)), 0);
  const done = parts.filter(({ state }) => state === 'done').length;
  if (done === count) return { progress: TRANSCRIBED, stage: 'Finalizing' };
  const share = total === 0 ? done / count : transcribed / total;
  return { progress: between(CUT, TRANSCRIBED, share), stage: `Transcribing chunk ${Math.min(done + 1, count)}/${count}` };
}

/** Changes whenever any row makes progress, also if the percentage stays the same. */
export const rowsFingerprint = (rows: readonly ChunkRow[]): string =>
  createHash('sha256')
    .update(rows.map((row) => `${row.chunk_number}:${row.state}:${row.progress ?? 0}:${row.attempts}`).join(' '))
    .digest('base64url');

/** Rows that show the progress of a job: its own, or those of the job that does its work. Empty if the job is not open. */
export async function rowsFor({ chunks }: Pick<JobDeps, 'chunks'>, job: JobRow): Promise<ChunkRow[]> {
  const work = workOf(job);
  if (!isOpen(work)) return [];
  return (await chunks.listOf(work.same_as ?? work.job_id)).filter(
    (row) => work.same_as !== undefined || isCurrentRow(work, row),
  );
}
