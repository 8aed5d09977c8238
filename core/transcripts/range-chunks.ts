/** Which chunks a range of time needs, by what the rows say of their lengths. */
import { NOMINAL_CHUNK_SECONDS } from '../contracts/limits.ts';
import type { ChunkRow } from '../contracts/rows.ts';
import { overlapOf } from './outcomes.ts';

/** Rows of chunks that have a part in [start, end), in seconds from the session's beginning. */
export function rowsWithin(rows: readonly ChunkRow[], start: number, end: number): ChunkRow[] {
  const byNumber = new Map(rows.map((row) => [row.chunk_number, row]));
  const found: ChunkRow[] = [];
  let at = 0;
  for (let n = 1; n <= (rows.at(-1)?.chunk_number ?? 0); n++) {
    const row = byNumber.get(n);
    const from = row === undefined ? at : at - (overlapOf(row, byNumber.get(n - 1)) ?? 0);
    at = from + (row?.duration_seconds ?? row?.said_seconds ?? NOMINAL_CHUNK_SECONDS);
    if (row !== undefined && from < end && at > start) found.push(row);
  }
  return found;
}
