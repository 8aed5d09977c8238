/** How many machines a run takes, by the audio that waits. */
import { NOMINAL_CHUNK_SECONDS } from '../contracts/limits.ts';
import type { ChunkRow } from '../contracts/rows.ts';

/** Seconds of audio that wait for a worker: 30 s where nobody has decoded or said it yet. What is only stored waits for the batch. */
export const backlogSeconds = (pending: readonly Pick<ChunkRow, 'lane' | 'said_seconds'>[]): number =>
  pending
    .filter(({ lane }) => lane !== 'backlog')
    .reduce((sum, { said_seconds }) => sum + (said_seconds ?? NOMINAL_CHUNK_SECONDS), 0);

/** A second machine pays for its boot only when there is much more to do than a boot takes. */
export const machinesFor = (audioSeconds: number, secondsPerMachine: number, poolSize: number): number =>
  Math.min(poolSize, Math.max(1, Math.ceil(audioSeconds / secondsPerMachine)));
