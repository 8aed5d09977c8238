/** Sessions that something must be done with by now: recordings that nobody closed, deletions that are looked at again. */
import { type IngestDeps, queueWhatIsMissing } from '../chunk-cache/ingest.ts';
import { ABANDONED_SECONDS } from '../contracts/limits.ts';
import type { SessionRow } from '../contracts/rows.ts';
import { type PurgeDeps, purge } from './deletion.ts';
import type { SessionStore } from './ports.ts';

export interface DueDeps extends IngestDeps {
  readonly sessions: SessionStore;
  readonly chunks: IngestDeps['chunks'] & PurgeDeps['chunks'];
  readonly objects: IngestDeps['objects'] & PurgeDeps['objects'];
}

export type DueOutcome = 'purged' | 'postponed' | 'closed' | 'nothing';

/** Sessions looked at in one pass; the next pass finds the rest. */
const PASS_LIMIT = 50;

async function settle(deps: DueDeps, session: SessionRow): Promise<DueOutcome> {
  if (session.state === 'deleted') {
    await purge(deps, session);
    await deps.sessions.setDue(session, undefined);
    return 'purged';
  }
  if (session.state === 'completed') {
    await deps.sessions.setDue(session, undefined);
    return 'nothing';
  }
  // The audit first: chunks of which no event told count, too.
  await queueWhatIsMissing(deps, session);
  const rows = await deps.chunks.listOf(session.session_id);
  const heardMs = Math.max(session.created_at_ms, ...rows.map((row) => row.uploaded_at_ms));
  const dueAtMs = heardMs + 1000 * ABANDONED_SECONDS;
  if (dueAtMs > deps.nowMs()) {
    await deps.sessions.setDue(session, dueAtMs);
    return 'postponed';
  }
  const isClosed = await deps.sessions.closeAbandoned(session, rows.at(-1)?.chunk_number ?? 0, deps.nowMs());
  return isClosed ? 'closed' : 'nothing';
}

/** Answers what was done with how many sessions. */
export async function settleDue(deps: DueDeps): Promise<Partial<Record<DueOutcome, number>>> {
  const done: Partial<Record<DueOutcome, number>> = {};
  for (const session of await deps.sessions.listDue(deps.nowMs(), PASS_LIMIT)) {
    const outcome = await settle(deps, session);
    done[outcome] = (done[outcome] ?? 0) + 1;
  }
  return done;
}
