/**
 * A session's `transcription.json` out of the cache.
 *
 * Steps: version of the file that is there -> rows -> is anything still waiting? -> join -> correct -> replace exactly that
 * version.
 * Gotcha: two assemblies can run at once. The older one finds another version than the one it read before the rows, and
 * starts again: so the file never goes back. What a transcript was made of is kept with the session, so that doing it
 * again for the same rows does nothing (our own note is a change of the session row, too, and comes back by the stream).
 */
import type { ChunkStore } from '../chunk-cache/ports.ts';
import type { ChunkRow, SessionRow } from '../contracts/rows.ts';
import type { Transcript } from '../contracts/transcript.ts';
import type { VersionedCorrector } from '../corrections/settings.ts';
import type { SessionStore } from '../sessions/ports.ts';
import { presented } from './edits.ts';
import { joinChunks } from './join.ts';
import { editsOf, fingerprint, outcomesOf, type ResultReader } from './outcomes.ts';

export interface ResultStore extends ResultReader {
  /** Makes the committed result the canonical file of its chunk. */
  publishChunk(row: ChunkRow): Promise<void>;
  /** Version of the session's transcript, undefined while there is none. */
  transcriptVersion(session: SessionRow): Promise<string | undefined>;
  /** False when the version that was to be replaced is not the current one any more. */
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

export type Assembly = 'written' | 'unchanged' | 'waiting' | 'recording' | 'unknown' | 'deleted';

export async function assembleSession(deps: AssembleDeps, sessionId: string): Promise<Assembly> {
  for (;;) {
    const session = await deps.sessions.get(sessionId);
    if (session === undefined) return 'unknown';
    if (session.state !== 'completed') return session.state;
    const version = await deps.results.transcriptVersion(session);
    const rows = await deps.chunks.listOf(sessionId);
    const corrector = await deps.correctorFor(session.user_id);
    const madeOf = fingerprint(session, rows, corrector.version);
    if (version !== undefined && session.transcript_of === madeOf) return 'unchanged';
    if (rows.some((row) => row.state === 'pending' || row.state === 'leased')) return 'waiting';
    const joined = joinChunks(sessionId, await outcomesOf(deps.results, session, rows));
    const transcript = presented(joined, corrector.correct, await editsOf(deps.results, session));
    if (!(await deps.results.writeTranscript(session, transcript, version))) continue;
    const written = { status: joined.status, madeOf, writtenAtMs: deps.nowMs() };
    if (await deps.sessions.recordTranscript(sessionId, written)) return 'written';
    await deps.results.removeTranscript(session);
    return 'deleted';
  }
}

/** Puts the results so far of a running recording together, so that the end of a long one is as quick as of a short one. */
export async function bundleResults(deps: AssembleDeps, sessionId: string): Promise<void> {
  const session = await deps.sessions.get(sessionId);
  if (session?.state === 'recording') await outcomesOf(deps.results, session, await deps.chunks.listOf(sessionId));
}
