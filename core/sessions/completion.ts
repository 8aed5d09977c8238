/**
 * The end of a recording: rows for all uploaded chunks, then the session's state, then the messages.
 *
 * Gotchas:
 * - Rows precede the state: a completed session whose chunks lack rows would get a transcript with gaps.
 * - Messages follow the state, because there may be thousands. If the caller dies between them, the reaper finds the rows in the
 *   pending index and sends the rest.
 */

import { MAX_CHUNKS_UNDER_WAY } from '../contracts/limits.ts';
import type { ChunkRow, SessionRow } from '../contracts/rows.ts';
import { DomainError } from '../errors.ts';
import { type IngestDeps, ingestMissing, queueUnfinished } from './ingest.ts';
import type { SessionStore } from './ports.ts';
import { sessionDeleted } from './session.ts';

export interface CompletionDeps extends IngestDeps {
  readonly sessions: IngestDeps['sessions'] & Pick<SessionStore, 'complete'>;
}

/** @throws DomainError `invalid` if `chunkCount` exceeds the highest ingested chunk by more than the allowed number */
function admitCount(chunkCount: number, session: SessionRow, rows: readonly ChunkRow[]): void {
  const highestChunkNumber = rows.reduce((highest, row) => Math.max(highest, row.chunk_number), 0);
  if (chunkCount <= Math.max(highestChunkNumber + MAX_CHUNKS_UNDER_WAY, session.chunk_count ?? 0)) return;
  throw new DomainError(
    'invalid',
    `chunkCount ${chunkCount} is more than ${MAX_CHUNKS_UNDER_WAY} above the highest uploaded chunk; upload more chunks first`,
    { highestChunkNumber },
  );
}

/**
 * Completes a session and queues its unfinished chunks; returns their number.
 * @throws DomainError `deleted`, or `invalid` for an implausible number of chunks
 */
export async function completeSession(deps: CompletionDeps, session: SessionRow, chunkCount: number): Promise<number> {
  const rows = await ingestMissing(deps, session);
  admitCount(chunkCount, session, rows);
  if (!(await deps.sessions.complete(session.session_id, chunkCount, deps.nowMs()))) throw sessionDeleted();
  return queueUnfinished(deps, session, rows);
}
