/**
 * Processes the sessions whose `due_at_ms` has passed:
 * - Recording: chunks whose event was lost are ingested. Without a new chunk for ABANDONED_SECONDS, the session is completed.
 * - Completed, with a retranscription that is not fully queued: its remaining chunks are queued.
 * - Deleted: objects and rows are removed a second time.
 */

import { type Containment, forEachContained } from '../contained.ts';
import { ABANDONED_SECONDS } from '../contracts/limits.ts';
import type { SessionRow } from '../contracts/rows.ts';
import { type PurgeDeps, purge } from './deletion.ts';
import { type IngestDeps, ingestMissing, queueUnfinished } from './ingest.ts';
import type { SessionStore } from './ports.ts';
import { continueRetranscription } from './retranscription.ts';
import { chunkCountOf } from './session.ts';

export interface DueDeps extends IngestDeps {
  readonly sessions: SessionStore;
  readonly chunks: IngestDeps['chunks'] & PurgeDeps['chunks'];
  readonly objects: IngestDeps['objects'] & PurgeDeps['objects'];
}

export type DueOutcome = 'purged' | 'postponed' | 'closed' | 'requeued' | 'nothing';

/** Sessions per pass; the next pass finds the rest. */
const PASS_LIMIT = 50;
/** A failed session is due again after this time, behind the others. */
const POSTPONED_MS = 10 * 60_000;

async function processDue(deps: DueDeps, session: SessionRow): Promise<DueOutcome> {
  if (session.state === 'deleted') {
    await purge(deps, session);
    await deps.sessions.setDue(session, undefined);
    return 'purged';
  }
  if (session.state === 'completed' && session.retranscription?.is_queued === false) {
    await continueRetranscription(deps, session);
    return 'requeued';
  }
  if (session.state === 'completed') {
    await deps.sessions.setDue(session, undefined);
    return 'nothing';
  }
  // Chunks whose event was lost count too, so they are ingested first.
  const rows = await ingestMissing(deps, session);
  await queueUnfinished(deps, session, rows);
  const lastActivityMs = Math.max(session.created_at_ms, ...rows.map((row) => row.uploaded_at_ms));
  const dueAtMs = lastActivityMs + 1000 * ABANDONED_SECONDS;
  if (dueAtMs > deps.nowMs()) {
    await deps.sessions.setDue(session, dueAtMs);
    return 'postponed';
  }
  const isClosed = await deps.sessions.closeAbandoned(session, chunkCountOf(session, rows), deps.nowMs());
  return isClosed ? 'closed' : 'nothing';
}

/** Processes all due sessions; returns the number of sessions by outcome. */
export async function processDueSessions(deps: DueDeps, containment: Containment): Promise<Partial<Record<DueOutcome, number>>> {
  const done: Partial<Record<DueOutcome, number>> = {};
  const loop = {
    idOf: ({ session_id }: SessionRow) => session_id,
    work: async (session: SessionRow) => {
      const outcome = await processDue(deps, session);
      done[outcome] = (done[outcome] ?? 0) + 1;
    },
    postpone: (session: SessionRow) => deps.sessions.setDue(session, deps.nowMs() + POSTPONED_MS),
  };
  await forEachContained(await deps.sessions.listDue(deps.nowMs(), PASS_LIMIT), loop, containment);
  return done;
}
