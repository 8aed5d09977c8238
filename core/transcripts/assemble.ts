/**
 * Assembles a session's `transcription.json` from the committed results.
 *
 * Steps: read the version of the stored file -> read the rows -> stop if a chunk has no outcome -> join -> apply corrections
 * and edits -> replace exactly that version -> record it in the session's row.
 *
 * Gotchas:
 * - Two assemblies can run at once. The one with older rows finds that the version it read has been replaced, and starts again,
 *   so the file never goes back to an older state.
 * - The session row stores a fingerprint of what the transcript was made of. Storing it triggers another assembly by the table's
 *   stream, which finds the same fingerprint and does nothing.
 */
import type { ChunkStore } from '../chunk-cache/ports.ts';
import type { ChunkRow, SessionRow } from '../contracts/rows.ts';
import type { Transcript } from '../contracts/transcript.ts';
import type { VersionedCorrector } from '../corrections/settings.ts';
import { CONFLICT, optimistically } from '../optimistic.ts';
import type { SessionStore } from '../sessions/ports.ts';
import { isRetranscribing, rowsOfText } from '../sessions/retranscription.ts';
import { withUserChanges } from './edits.ts';
import { joinChunks } from './join.ts';
import { editsOf, fingerprint, outcomesOf, type ResultReader } from './outcomes.ts';

export interface ResultStore extends ResultReader {
  /** Publishes the committed result as the canonical file of its chunk. */
  publishChunk(row: ChunkRow): Promise<void>;
  /** Version of the session's transcript; undefined if there is none. */
  transcriptVersion(session: SessionRow): Promise<string | undefined>;
  /** Replaces version `replaces`; false if it is not the current one. */
  writeTranscript(session: SessionRow, transcript: Transcript, replaces: string | undefined): Promise<boolean>;
  removeTranscript(session: SessionRow): Promise<void>;
}

export interface AssembleDeps {
  readonly sessions: Pick<SessionStore, 'get' | 'recordTranscript'>;
  readonly chunks: Pick<ChunkStore, 'listOf'>;
  readonly results: ResultStore;
  readonly correctorFor: (userId: string) => Promise<VersionedCorrector>;
  readonly nowMs: () => number;
}

/** Outcome of an assembly; `recording`, `unknown` and `deleted` are states of the session. */
export type Assembly = 'written' | 'unchanged' | 'waiting' | 'recording' | 'unknown' | 'deleted';

/** Writes the transcript of a completed session, if all of its chunks have an outcome. */
export function assembleSession(deps: AssembleDeps, sessionId: string): Promise<Assembly> {
  return optimistically<Assembly>('the transcript', async () => {
    const session = await deps.sessions.get(sessionId);
    if (session === undefined) return 'unknown';
    if (session.state !== 'completed') return session.state;
    const version = await deps.results.transcriptVersion(session);
    const stored = await deps.chunks.listOf(sessionId);
    const rows = rowsOfText(session, stored);
    const corrector = await deps.correctorFor(session.user_id);
    const madeOf = fingerprint(session, rows, corrector.version);
    if (version !== undefined && session.transcript_of === madeOf) return 'unchanged';
    if (rows.some((row) => row.state === 'pending' || row.state === 'leased')) return 'waiting';
    const joined = joinChunks(sessionId, await outcomesOf(deps.results, session, rows));
    const transcript = withUserChanges(joined, corrector.correct, await editsOf(deps.results, session));
    if (!(await deps.results.writeTranscript(session, transcript, version))) return CONFLICT;
    const retranscription = isRetranscribing(session, stored) ? undefined : session.retranscription?.number;
    const written = { status: joined.status, madeOf, writtenAtMs: deps.nowMs(), retranscription };
    if (await deps.sessions.recordTranscript(sessionId, written)) return 'written';
    await deps.results.removeTranscript(session);
    return 'deleted';
  });
}

/** Bundles the results of a running recording, so that completing a long one is as fast as completing a short one. */
export async function bundleResults(deps: AssembleDeps, sessionId: string): Promise<void> {
  const session = await deps.sessions.get(sessionId);
  if (session?.state === 'recording') await outcomesOf(deps.results, session, await deps.chunks.listOf(sessionId));
}
