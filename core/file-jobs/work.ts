/**
 * The current work on a job: its first transcription, or a retranscription.
 *
 * A completed job keeps its status and text while it is transcribed again. The state of the retranscription is in `again`.
 * `workOf` presents it as an open job, so that the same code handles both; `withWork` writes changes back.
 *
 * Gotcha: rows carry the round in their fence. Rows of earlier rounds stay in the table until the new rows replace them.
 */
import type { JobRow } from '../contracts/jobs.ts';
import type { ChunkRow } from '../contracts/rows.ts';

/** The fences of a round are above those of the previous round, so that an earlier round's worker cannot write. */
export const FENCES_PER_ROUND = 1000;

type Fields = readonly (keyof JobRow)[];
export const without = (job: JobRow, ...names: Fields): JobRow =>
  Object.fromEntries(Object.entries(job).filter(([name]) => !names.includes(name as keyof JobRow))) as JobRow;
const only = (job: JobRow, names: Fields): Partial<JobRow> =>
  Object.fromEntries(Object.entries(job).filter(([name]) => names.includes(name as keyof JobRow))) as Partial<JobRow>;

/** Fields of the row itself, for both kinds of work: its index attributes. */
const OF_ROW = ['due_shard', 'due_at_ms', 'open_of'] as const satisfies Fields;
/** Fields that the work determines. */
const OF_WORK = [
  'language',
  'model',
  'seconds',
  'part_count',
  'content_id',
  'started_at_ms',
  'rows_round',
] as const satisfies Fields;
const OF_PROGRESS = ['progress', 'stage', 'moved_at_ms', 'moved_to', 'resumes'] as const satisfies Fields;
/** Fields of the first transcription only. The kept file may be the compressed one; it is not compressed again. */
const OF_UPLOAD = ['sha256', 'compress', 'same_as', 'error', 'completed_at_ms'] as const satisfies Fields;

/** Whether the job has an open retranscription. */
export const isRetranscribing = ({ again }: JobRow): boolean => again?.state === 'open';

/** The job itself, or its open retranscription presented as an open job. */
export function workOf(job: JobRow): JobRow {
  const { again } = job;
  if (again?.state !== 'open') return job;
  const { state: _state, requested_at_ms, error: _error, ...work } = again;
  const status = again.part_count === undefined ? 'pending' : 'processing';
  return { uploaded_at_ms: requested_at_ms, ...without(job, ...OF_WORK, ...OF_UPLOAD), ...work, status };
}

/** The row after a change of its current work. */
export function withWork(was: JobRow, work: JobRow): JobRow {
  const { again } = was;
  if (again?.state !== 'open' || work.status === 'deleted') return work;
  const row = { ...without(was, ...OF_ROW), ...only(work, OF_ROW) };
  if (work.status === 'cancelled') return without(row, 'again');
  if (work.status === 'completed') return { ...without(row, 'again', 'same_as', ...OF_WORK), ...only(work, OF_WORK) };
  const now = { ...again, ...only(work, [...OF_WORK, ...OF_PROGRESS]) };
  return { ...row, again: work.status === 'failed' ? { ...now, state: 'failed', error: work.error } : now };
}

/** Whether a row belongs to the current or last transcription, not to an earlier one. */
export const isCurrentRow = ({ rows_round = 0 }: JobRow, { fence }: ChunkRow): boolean => fence >= rows_round * FENCES_PER_ROUND;
