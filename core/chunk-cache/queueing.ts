/** Queues many rows: sends all messages in batches, then marks the rows as queued. */
import pMap from 'p-map';
import { LANES, type Lane } from '../contracts/lanes.ts';
import type { ChunkRow } from '../contracts/rows.ts';
import type { ChunkStore, WorkQueue } from './ports.ts';

export interface QueueingDeps {
  readonly chunks: Pick<ChunkStore, 'noteQueued'>;
  readonly queue: WorkQueue;
}

const MARKS_AT_ONCE = 16;

/**
 * Sends rows into one lane, in this order. A caller that dies before the marks has sent all messages.
 * @throws AggregateError for marks that failed, after all others were written
 */
export async function sendInto(deps: QueueingDeps, lane: Lane, rows: readonly ChunkRow[], nowMs: number): Promise<void> {
  if (rows.length === 0) return;
  const places = rows.map(({ session_id, chunk_number }) => ({ sessionId: session_id, chunkNumber: chunk_number }));
  await deps.queue.sendMany(lane, places);
  const errors: unknown[] = [];
  await pMap(rows, (row) => deps.chunks.noteQueued(row, lane, nowMs).catch((error: unknown) => errors.push(error)), {
    concurrency: MARKS_AT_ONCE,
  });
  if (errors.length > 0)
    throw new AggregateError(errors, `${errors.length} of ${rows.length} rows could not be marked as queued`);
}

/**
 * Sends each row into its own lane, lane by lane in their order.
 * @throws AggregateError for lanes that failed, after all others were processed
 */
export async function sendRows(deps: QueueingDeps, rows: readonly ChunkRow[], nowMs: number): Promise<void> {
  const errors: unknown[] = [];
  for (const lane of LANES) {
    const inLane = rows.filter((row) => row.lane === lane);
    await sendInto(deps, lane, inLane, nowMs).catch((error: unknown) => errors.push(error));
  }
  if (errors.length > 0) throw new AggregateError(errors, `${errors.length} lanes could not be queued`);
}
