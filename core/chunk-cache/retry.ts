/** Queues chunks at a user's request, in the lane with the highest priority. */
import pMap from 'p-map';
import type { Lane } from '../contracts/lanes.ts';
import type { ChunkRow } from '../contracts/rows.ts';
import { DomainError } from '../errors.ts';
import type { ChunkStore, WorkQueue } from './ports.ts';
import { sendInto } from './queueing.ts';

export interface RetryDeps {
  readonly chunks: Pick<ChunkStore, 'get' | 'revive' | 'noteQueued'>;
  readonly queue: WorkQueue;
  readonly wake: () => Promise<void>;
  readonly nowMs: () => number;
}

const LANE: Lane = 'stop';

const ROWS_AT_ONCE = 16;

/** Queues these rows. Dead chunks get three new attempts; leased and done chunks stay as they are. */
async function queueNow(deps: RetryDeps, rows: readonly ChunkRow[]): Promise<void> {
  const nowMs = deps.nowMs();
  const changed = new Set<ChunkRow>();
  const dead = rows.filter(({ state }) => state === 'dead');
  await pMap(
    dead,
    async (row) => {
      if (!(await deps.chunks.revive(row, LANE, nowMs))) changed.add(row);
    },
    { concurrency: ROWS_AT_ONCE },
  );
  const queued = rows.filter((row) => row.state === 'pending' || (row.state === 'dead' && !changed.has(row)));
  await sendInto(deps, LANE, queued, nowMs);
  if (queued.length > 0) await deps.wake();
}

/** Queues one chunk. @throws DomainError `not-found`; `not-failed` for a chunk that is transcribed */
export async function retryChunk(deps: RetryDeps, sessionId: string, chunkNumber: number): Promise<void> {
  const row = await deps.chunks.get(sessionId, chunkNumber);
  if (row === undefined) throw new DomainError('not-found', 'there is no such chunk');
  if (row.state === 'done') throw new DomainError('not-failed', 'this chunk is already transcribed');
  await queueNow(deps, [row]);
}

/** Queues these chunks; returns the numbers of those without a transcript. */
export async function transcribeNow(deps: RetryDeps, rows: readonly ChunkRow[]): Promise<number[]> {
  await queueNow(deps, rows);
  return rows.filter(({ state }) => state !== 'done').map((row) => row.chunk_number);
}
