/** Resends messages of unfinished rows that no worker holds: the message was lost, or the run that received it died. */
import { REQUEUE_SECONDS, UNSERVED_SECONDS } from '../contracts/limits.ts';
import type { ChunkRow } from '../contracts/rows.ts';
import type { ChunkStore, WorkQueue } from './ports.ts';
import { sendRows } from './queueing.ts';

/** `served`: a run is active; `unserved`: none is; `orphaned`: a run has just ended, perhaps with messages it had received. */
type RunState = 'served' | 'unserved' | 'orphaned';
const GRACE_SECONDS: Readonly<Record<RunState, number>> = { served: REQUEUE_SECONDS, unserved: UNSERVED_SECONDS, orphaned: 0 };

/** Whether a row of the pending index needs a new message now. Backlog rows wait for the batch. */
export function isUnserved(row: ChunkRow, run: RunState, nowMs: number): boolean {
  if (row.lane === 'backlog' || row.next_attempt_at_ms > nowMs) return false;
  // A finished row may still be in the index; it must never start a machine.
  if (row.state !== 'pending' && row.state !== 'leased') return false;
  if (row.state === 'leased' && (row.lease_until_ms ?? 0) > nowMs) return false;
  const waitingMs = nowMs - Math.max(row.queued_at_ms, row.next_attempt_at_ms);
  return waitingMs > 1000 * GRACE_SECONDS[run];
}

export interface UnservedDeps {
  readonly chunks: Pick<ChunkStore, 'listPending' | 'noteQueued'>;
  readonly queue: WorkQueue;
  readonly wake: () => Promise<void>;
  readonly nowMs: () => number;
}

/** Rows per shard and pass; the next pass finds the rest. */
const PASS_LIMIT = 500;

/** Resends these messages, then requests a run even when some could not be sent. Returns the number of rows. */
export async function requeueUnserved(deps: UnservedDeps, run: RunState): Promise<number> {
  const nowMs = deps.nowMs();
  const rows = (await deps.chunks.listPending(PASS_LIMIT)).filter((row) => isUnserved(row, run, nowMs));
  if (rows.length === 0) return 0;
  try {
    await sendRows(deps, rows, nowMs);
  } finally {
    await deps.wake();
  }
  return rows.length;
}
