/** A person wants work done that the product would not do by itself, or not now: in front of everything else. */
import type { Lane } from '../contracts/lanes.ts';
import type { ChunkRow } from '../contracts/rows.ts';
import { DomainError } from '../errors.ts';
import type { ChunkStore, WorkQueue } from './ports.ts';

export interface RetryDeps {
  readonly chunks: Pick<ChunkStore, 'get' | 'revive' | 'noteQueued'>;
  readonly queue: WorkQueue;
  readonly wake: () => Promise<void>;
  readonly nowMs: () => number;
}

const LANE: Lane = 'stop';

/** Whether something was queued. Dead chunks get three new attempts; what is done or being done is left alone. */
async function queueNow(deps: RetryDeps, row: ChunkRow): Promise<boolean> {
  if (row.state === 'done' || row.state === 'leased') return false;
  if (row.state === 'dead' && !(await deps.chunks.revive(row, LANE, deps.nowMs()))) return false;
  if (row.state === 'pending') await deps.chunks.noteQueued(row, LANE, deps.nowMs());
  await deps.queue.send(LANE, row.session_id, row.chunk_number);
  return true;
}

/** @throws DomainError `not-found`; `not-failed` for a chunk that has its text */
export async function retryChunk(deps: RetryDeps, sessionId: string, chunkNumber: number): Promise<void> {
  const row = await deps.chunks.get(sessionId, chunkNumber);
  if (row === undefined) throw new DomainError('not-found', 'there is no such chunk');
  if (row.state === 'done') throw new DomainError('not-failed', 'this chunk is transcribed already');
  if (await queueNow(deps, row)) await deps.wake();
}

/** Queues these chunks; answers the numbers that have no text yet. */
export async function transcribeNow(deps: RetryDeps, rows: readonly ChunkRow[]): Promise<number[]> {
  let queued = 0;
  for (const row of rows) if (await queueNow(deps, row)) queued += 1;
  if (queued > 0) await deps.wake();
  return rows.filter(({ state }) => state !== 'done').map((row) => row.chunk_number);
}
