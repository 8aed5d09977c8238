/**
 * Deleting a session: first a tombstone, so that nothing is taken in any more, then objects and rows. What was on its way
 * meanwhile (an upload's address, a worker's lease) can still leave something behind; so it is all done again a while later.
 */
import type { ChunkObjects, ChunkStore } from '../chunk-cache/ports.ts';
import { PURGE_AGAIN_SECONDS } from '../contracts/limits.ts';
import type { SessionRow } from '../contracts/rows.ts';
import type { SessionStore } from './ports.ts';

export interface PurgeDeps {
  readonly chunks: Pick<ChunkStore, 'removeAll'>;
  readonly objects: Pick<ChunkObjects, 'removeAll'>;
}

export interface DeletionDeps extends PurgeDeps {
  readonly sessions: Pick<SessionStore, 'markDeleted'>;
  readonly nowMs: () => number;
}

/** Messages that are left are hints without a row: the worker throws them away. */
export async function purge(deps: PurgeDeps, session: SessionRow): Promise<void> {
  await deps.objects.removeAll({ userId: session.user_id, sessionId: session.session_id });
  await deps.chunks.removeAll(session.session_id);
}

export async function deleteSession(deps: DeletionDeps, session: SessionRow): Promise<void> {
  const nowMs = deps.nowMs();
  await deps.sessions.markDeleted(session, nowMs, nowMs + 1000 * PURGE_AGAIN_SECONDS);
  await purge(deps, session);
}
