/** How many machines a run takes, by the audio that waits. */
import { NOMINAL_CHUNK_SECONDS } from '../contracts/limits.ts';
import type { ChunkRow } from '../contracts/rows.ts';

/** Seconds of audio that wait for a worker: 30 s a chunk, because nobody has decoded them yet. What is only stored waits for the batch. */
export const backlogSeconds = (pending: readonly Pick<ChunkRow, 'lane'>[]): number =>
  pending.filter(({ lane }) => lane !== 'backlog').length * NOMINAL_CHUNK_SECONDS;

/** A second machine pays for its boot only when there is much more to do than a boot takes. */
export const machinesFor = (audioSeconds: number, secondsPerMachine: number, poolSize: number): number =>
  Math.min(poolSize, Math.max(1, Math.ceil(audioSeconds / secondsPerMachine)));
