/** Positions of chunks in a session's time, computed from the lengths in their rows; and the session's waveform. */
import { NOMINAL_CHUNK_SECONDS } from '../contracts/limits.ts';
import type { ChunkRow } from '../contracts/rows.ts';
import { overlapOf } from './outcomes.ts';
import { round } from './times.ts';

/** The chunks before those of interest: their number, and the end of the last one in seconds of the session. */
export interface ChunksBefore {
  readonly after: number;
  readonly end: number;
}

export interface PositionedRow {
  readonly row: ChunkRow;
  /** Seconds from the session's beginning. */
  readonly start: number;
  readonly end: number;
}

/**
 * Positions of the chunks that have a row, after the first `after` chunks, which end at `end`. Missing numbers take the nominal
 * length. `rows` may include the row of number `after`.
 */
export function positionsOf(rows: readonly ChunkRow[], { after, end }: ChunksBefore = { after: 0, end: 0 }): PositionedRow[] {
  const byNumber = new Map(rows.map((row) => [row.chunk_number, row]));
  const found: PositionedRow[] = [];
  let at = end;
  for (let n = after + 1; n <= (rows.at(-1)?.chunk_number ?? 0); n++) {
    const row = byNumber.get(n);
    const start = row === undefined ? at : Math.max(0, at - (overlapOf(row, byNumber.get(n - 1)) ?? 0));
    at = round(start + (row?.duration_seconds ?? row?.said_seconds ?? NOMINAL_CHUNK_SECONDS));
    if (row !== undefined) found.push({ row, start: round(start), end: at });
  }
  return found;
}

/** Rows of chunks that overlap [start, end). */
export const rowsWithin = (rows: readonly ChunkRow[], start: number, end: number): ChunkRow[] =>
  positionsOf(rows).flatMap((chunk) => (chunk.start < end && chunk.end > start ? [chunk.row] : []));

/** Interval between the peaks in a chunk's row. Each peak is one byte. */
const PEAK_SECONDS = 0.1;

export interface Waveform {
  readonly durationSeconds: number;
  readonly secondsPerPoint: number;
  /** 0 to 255; 0 where the audio is not decoded yet. */
  readonly peaks: number[];
}

/** Divides the session into at most `points` intervals; returns the loudest peak of each. */
export function waveform(chunks: readonly PositionedRow[], points: number): Waveform {
  const durationSeconds = chunks.at(-1)?.end ?? 0;
  const count = Math.min(points, Math.ceil(durationSeconds / PEAK_SECONDS));
  const secondsPerPoint = count === 0 ? PEAK_SECONDS : durationSeconds / count;
  const peaks = new Array<number>(count).fill(0);
  for (const { row, start } of chunks)
    for (const [i, peak] of Buffer.from(row.peaks ?? '', 'base64').entries()) {
      const point = Math.min(count - 1, Math.floor((start + (i + 0.5) * PEAK_SECONDS) / secondsPerPoint));
      peaks[point] = Math.max(peaks[point] ?? 0, peak);
    }
  return { durationSeconds, secondsPerPoint: round(secondsPerPoint), peaks };
}
