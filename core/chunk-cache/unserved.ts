/** Rows that wait for a result with nobody at work on them: a message was lost, or the run that should serve them died. */
import { REQUEUE_SECONDS, UNSERVED_SECONDS } from '../contracts/limits.ts';
import type { ChunkRow } from '../contracts/rows.ts';
import type { ChunkStore, WorkQueue } from './ports.ts';

/** Whether a run serves now, none does, or the one that did has just been found dead, with the messages that it had received. */
type Service = 'served' | 'unserved' | 'left';
const PATIENCE_SECONDS: Readonly<Record<Service, number>> = { served: REQUEUE_SECONDS, unserved: UNSERVED_SECONDS, left: 0 };

/** Whether a row of the pending index needs a new message now. Stored-only sessions wait for the batch. */
export function isUnserved(row: ChunkRow, service: Service, nowMs: number): boolean {
  if (row.lane === 'backlog' || row.next_attempt_at_ms > nowMs) return false;
  // What is done or dead wants nothing, even if the index should still have it: it must never start a machine.
  if (row.state !== 'pending' && row.state !== 'leased') return false;
  if (row.state === 'leased' && (row.lease_until_ms ?? 0) > nowMs) return false;
  const silentMs = nowMs - Math.max(row.queued_at_ms, row.next_attempt_at_ms);
  return silentMs > 1000 * PATIENCE_SECONDS[service];
}

export interface UnservedDeps {
  readonly chunks: Pick<ChunkStore, 'listPending' | 'noteQueued'>;
  readonly queue: WorkQueue;
  readonly nowMs: () => number;
}

/** Rows looked at in one pass; the next pass finds the rest. */
const PASS_LIMIT = 500;

/** Sends the messages again; answers how many rows got one. */
export async function requeueUnserved(deps: UnservedDeps, service: Service): Promise<number> {
  const nowMs = deps.nowMs();
  const rows = (await deps.chunks.listPending(PASS_LIMIT)).filter((row) => isUnserved(row, service, nowMs));
  for (const row of rows) {
    await deps.queue.send(row.lane, row.session_id, row.chunk_number);
    await deps.chunks.noteQueued(row, row.lane, nowMs);
  }
  return rows.length;
}
