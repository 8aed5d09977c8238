/** How many machines a run uses, by the audio that waits. */
import { NOMINAL_CHUNK_SECONDS } from '../contracts/limits.ts';
import type { ChunkRow } from '../contracts/rows.ts';

/** Seconds of audio that wait for a worker; 30 s for a chunk of unknown length. Excludes the lane `backlog`. */
export const waitingSeconds = (pending: readonly Pick<ChunkRow, 'lane' | 'said_seconds'>[]): number =>
  pending
    .filter(({ lane }) => lane !== 'backlog')
    .reduce((sum, { said_seconds }) => sum + (said_seconds ?? NOMINAL_CHUNK_SECONDS), 0);

/** Number of machines for this much audio, at least one. A boot takes minutes, so small amounts of audio share a machine. */
export const machinesFor = (audioSeconds: number, secondsPerMachine: number, poolSize: number): number =>
  Math.min(poolSize, Math.max(1, Math.ceil(audioSeconds / secondsPerMachine)));
