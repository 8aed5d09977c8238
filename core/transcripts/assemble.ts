/**
 * Assembles a session's `transcription.json` from the committed results.
 *
 * Steps: read the version of the stored file -> stop if a chunk has no outcome -> join -> apply corrections and edits -> replace
 * exactly that version -> record it in the session's row.
 *
 * Gotchas:
 * - Two assemblies can run at once. The one with older rows finds that the version it read has been replaced, and starts again,
 *   so the file never goes back to an older state.
 * - The session row records what the transcript was made of. Recording it triggers another assembly by the table's stream, which
 *   finds the same sources and does nothing.
 */
import type { ChunkStore } from '../chunk-cache/ports.ts';
import type { ChunkRow, SessionRow } from '../contracts/rows.ts';
import type { Transcript } from '../contracts/transcript.ts';
import type { VersionedCorrector } from '../corrections/settings.ts';
import { CONFLICT, optimistically } from '../optimistic.ts';
import { speakerLimitsOf } from '../recording-options.ts';
import type { SessionStore } from '../sessions/ports.ts';
import { isRetranscribing, rowsOfText } from '../sessions/retranscription.ts';
import { isBeingRetranscribed } from '../sessions/session.ts';
import { withUserChanges } from './edits.ts';
import { extend, type Joined, NOTHING_JOINED, transcriptOf } from './join.ts';
import { type PartStore, readJoined } from './joined-parts.ts';
import { outcomesOf, type ResultReader, userChangesOf } from './outcomes.ts';

export interface ResultStore extends ResultReader, PartStore {
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
  readonly chunks: Pick<ChunkStore, 'listOf' | 'listFrom' | 'hasWaiting'>;
  readonly results: ResultStore;
  readonly correctorFor: (userId: string) => Promise<VersionedCorrector>;
  readonly nowMs: () => number;
}

/** Outcome of an assembly; `recording`, `unknown` and `deleted` are states of the session. */
export type Assembly = 'written' | 'unchanged' | 'waiting' | 'recording' | 'unknown' | 'deleted';

/** What the user changes in a text: the number of chunks, the corrections and the edits. */
const versionsOf = ({ chunk_count, edits_version }: SessionRow, { version }: Pick<VersionedCorrector, 'version'>): string =>
  [chunk_count, version, edits_version ?? 0].join('.');

/** What a transcript is made of, as a text: the revision of the results, and what the user changes. */
const sourceOf = (session: SessionRow, corrector: VersionedCorrector): string =>
  `${session.text_revision ?? 0}.${versionsOf(session, corrector)}`;

/** The joined text, and the retranscription whose results it contains. */
interface Text {
  readonly joined: Joined;
  readonly retranscription?: number | undefined;
}

/** The text of a session during a retranscription: of the former results until all chunks have new ones. */
async function textDuringRetranscription(deps: AssembleDeps, session: SessionRow): Promise<Text | 'waiting'> {
  const stored = await deps.chunks.listOf(session.session_id);
  const rows = rowsOfText(session, stored);
  if (rows.some(({ state }) => state === 'pending' || state === 'leased')) return 'waiting';
  const joined = extend(NOTHING_JOINED, await outcomesOf(deps.results, session, rows));
  return { joined, retranscription: isRetranscribing(session, stored) ? undefined : session.retranscription?.number };
}

/** Whether a chunk that no part covers has no outcome. A chunk of a retranscription is not covered until it has a new one. */
const isWaiting = ({ chunks }: AssembleDeps, { session_id, settled_chunks = 0 }: SessionRow): Promise<boolean> =>
  chunks.hasWaiting(session_id, settled_chunks + 1);

/** The text of a completed session that is to be written; the result of the assembly if there is nothing to write. */
async function textToWrite(
  deps: AssembleDeps,
  session: SessionRow,
  corrector: VersionedCorrector,
  hasTranscript: boolean,
): Promise<Text | 'unchanged' | 'waiting'> {
  const { transcript_of: madeOf = '', retranscription } = session;
  if (isBeingRetranscribed(session)) {
    const isSame = hasTranscript && madeOf.endsWith(`.${versionsOf(session, corrector)}`);
    if (isSame && (retranscription?.is_queued !== true || (await isWaiting(deps, session)))) return 'waiting';
    return textDuringRetranscription(deps, session);
  }
  if (hasTranscript && madeOf === sourceOf(session, corrector)) return 'unchanged';
  if (await isWaiting(deps, session)) return 'waiting';
  return { joined: (await readJoined(deps, session)).joined };
}

/** Writes the transcript of a completed session, if all of its chunks have an outcome. */
export function assembleSession(deps: AssembleDeps, sessionId: string): Promise<Assembly> {
  return optimistically<Assembly>('the transcript', async () => {
    const session = await deps.sessions.get(sessionId);
    if (session === undefined) return 'unknown';
    if (session.state !== 'completed') return session.state;
    const version = await deps.results.transcriptVersion(session);
    const corrector = await deps.correctorFor(session.user_id);
    const text = await textToWrite(deps, session, corrector, version !== undefined);
    if (typeof text === 'string') return text;
    const { edits, speakers } = await userChangesOf(deps.results, session);
    const joined = transcriptOf(sessionId, text.joined, speakers, speakerLimitsOf(session));
    const transcript = withUserChanges(joined, corrector.correct, edits);
    if (!(await deps.results.writeTranscript(session, transcript, version))) return CONFLICT;
    const { retranscription } = text;
    const { resumptions } = session;
    const madeOf = sourceOf(session, corrector);
    const written = { status: joined.status, madeOf, writtenAtMs: deps.nowMs(), retranscription, resumptions };
    if (await deps.sessions.recordTranscript(sessionId, written)) return 'written';
    await deps.results.removeTranscript(session);
    return CONFLICT;
  });
}
