/** Where chunks are in a session's time, by what the rows say of their lengths; and what they sound like, as a waveform. */
import { NOMINAL_CHUNK_SECONDS } from '../contracts/limits.ts';
import type { ChunkRow } from '../contracts/rows.ts';
import { round } from './join.ts';
import { overlapOf } from './outcomes.ts';

export interface Placed {
  readonly row: ChunkRow;
  /** Seconds from the session's beginning. */
  readonly start: number;
  readonly end: number;
}

export function placesOf(rows: readonly ChunkRow[]): Placed[] {
  const byNumber = new Map(rows.map((row) => [row.chunk_number, row]));
  const found: Placed[] = [];
  let at = 0;
  for (let n = 1; n <= (rows.at(-1)?.chunk_number ?? 0); n++) {
    const row = byNumber.get(n);
    const start = row === undefined ? at : Math.max(0, at - (overlapOf(row, byNumber.get(n - 1)) ?? 0));
    at = round(start + (row?.duration_seconds ?? row?.said_seconds ?? NOMINAL_CHUNK_SECONDS));
    if (row !== undefined) found.push({ row, start: round(start), end: at });
  }
  return found;
}

/** Rows of chunks that have a part in [start, end). */
export const rowsWithin = (rows: readonly ChunkRow[], start: number, end: number): ChunkRow[] =>
  placesOf(rows).flatMap((placed) => (placed.start < end && placed.end > start ? [placed.row] : []));

/** Peaks that the worker keeps of each chunk: one byte for each tenth of a second. */
const PEAK_SECONDS = 0.1;

export interface Waveform {
  readonly durationSeconds: number;
  readonly secondsPerPoint: number;
  /** 0 to 255; 0 where nothing is known yet. */
  readonly peaks: number[];
}

/** The loudest peak of each of so many stretches of the session. */
export function waveform(places: readonly Placed[], points: number): Waveform {
  const durationSeconds = places.at(-1)?.end ?? 0;
  const count = Math.min(points, Math.ceil(durationSeconds / PEAK_SECONDS));
  const secondsPerPoint = count === 0 ? PEAK_SECONDS : durationSeconds / count;
  const peaks = new Array<number>(count).fill(0);
  for (const { row, start } of places)
    for (const [i, peak] of Buffer.from(row.peaks ?? '', 'base64').entries()) {
      const point = Math.min(count - 1, Math.floor((start + (i + 0.5) * PEAK_SECONDS) / secondsPerPoint));
      peaks[point] = Math.max(peaks[point] ?? 0, peak);
    }
  return { durationSeconds, secondsPerPoint: round(secondsPerPoint), peaks };
}
