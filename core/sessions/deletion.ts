/**
 * Deletes a session: first a tombstone, so that nothing more is ingested, then objects and rows.
 *
 * Gotcha: an upload URL or a worker's lease that is still valid can leave something behind. So objects and rows are removed again
 * after PURGE_AGAIN_SECONDS.
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

/** Removes a session's objects and rows. Workers discard its remaining messages, because the rows are gone. */
export async function purge(deps: PurgeDeps, session: SessionRow): Promise<void> {
  await deps.objects.removeAll({ userId: session.user_id, sessionId: session.session_id });
  await deps.chunks.removeAll(session.session_id);
}

/** Marks a session as deleted, schedules the second purge, and purges it now. */
export async function deleteSession(deps: DeletionDeps, session: SessionRow): Promise<void> {
  const nowMs = deps.nowMs();
  await deps.sessions.markDeleted(session, nowMs, nowMs + 1000 * PURGE_AGAIN_SECONDS);
  await purge(deps, session);
}
