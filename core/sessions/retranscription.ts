/**
 * Transcribes a completed session again, with another model or language.
 *
 * Steps:
 * 1. The session's row stores the request with the next number, and the session becomes due.
 * 2. Each chunk's row stores its previous outcome in `former` and becomes pending again, in the lane `files`.
 * 3. The session's row records that all chunks are queued.
 * 4. When the last chunk is finished, the transcript is written from the new results.
 *
 * Gotchas:
 * - Until step 4, text, edits and corrections use the `former` results. A chunk that fails keeps its old result.
 * - If the caller dies between two steps, the session keeper continues, because the session is due.
 * - The lane `files` does not wait for the batch and does not delay recordings. Sessions that are only stored use it too.
 */
import type { ChunkStore, WorkQueue } from '../chunk-cache/ports.ts';
import type { Lane } from '../contracts/lanes.ts';
import type { ChunkRow, SessionRow } from '../contracts/rows.ts';
import { DomainError } from '../errors.ts';
import { iso } from '../time.ts';
import { admitChoice } from './model-choice.ts';
import type { SessionStore } from './ports.ts';
import { sessionDeleted, viewSession } from './session.ts';

const LANE: Lane = 'files';
/** When the session keeper continues: later than the longest call, and again while workers hold rows. */
const CONTINUE_MS = 60_000;
/** Concurrent writes; a long recording has thousands of chunks, and a call has 25 s. */
const ROWS_AT_ONCE = 25;

const isWaiting = ({ state }: ChunkRow): boolean => state === 'pending' || state === 'leased';

/** Whether the session's text is still the one from before the newest retranscription. */
export function isRetranscribing({ retranscription }: SessionRow, rows: readonly ChunkRow[]): boolean {
  if (retranscription === undefined) return false;
  const { number, is_queued } = retranscription;
  return !is_queued || rows.some((row) => row.retranscription === number && isWaiting(row));
}

/** The rows that the text is made of; during a retranscription, with their former results. */
export function rowsOfText(session: SessionRow, rows: readonly ChunkRow[]): readonly ChunkRow[] {
  if (!isRetranscribing(session, rows)) return rows;
  return rows.map((row) => {
    const { former, result_key: _result, error_message: _error, ...rest } = row;
    return former === undefined || row.retranscription !== session.retranscription?.number ? row : { ...rest, ...former };
  });
}

/** Progress of the newest retranscription; undefined if there was none. */
export function viewRetranscription(session: SessionRow, rows: readonly ChunkRow[]) {
  const { retranscription } = session;
  if (retranscription === undefined) return undefined;
  const mine = rows.filter((row) => row.retranscription === retranscription.number);
  return {
    requestedAt: iso(retranscription.requested_at_ms),
    chunks: mine.length,
    done: mine.filter(({ state }) => state === 'done').length,
    failed: mine.filter(({ state }) => state === 'dead').length,
  };
}

/** Public form of a session after a request to transcribe it again. `models`: those of the stage, its default first. */
export const viewRetranscribed = (session: SessionRow, rows: readonly ChunkRow[], models: readonly string[]) => ({
  id: session.session_id,
  retranscribing: viewSession(session).retranscribing,
  model: session.model ?? models[0] ?? '',
  language: session.language,
  retranscription: viewRetranscription(session, rows),
});

/** Dependencies of a retranscription. */
export interface RetranscribeDeps {
  readonly sessions: Pick<SessionStore, 'get' | 'retranscribe' | 'noteRequeued' | 'setDue'>;
  readonly chunks: Pick<ChunkStore, 'listOf' | 'transcribeAgain'>;
  readonly queue: WorkQueue;
  readonly wake: () => Promise<void>;
  readonly nowMs: () => number;
}

/** Options of a retranscription. An omitted one keeps its value; `language: null` means detection. */
export interface RetranscribeChoice {
  readonly language?: string | null | undefined;
  readonly model?: string | undefined;
}

/** Queues every chunk that is not yet part of the retranscription, except leased ones: the session keeper queues them later. */
export async function continueRetranscription(deps: RetranscribeDeps, session: SessionRow): Promise<void> {
  const { retranscription, language, model } = session;
  if (retranscription === undefined) return;
  const { number } = retranscription;
  const nowMs = deps.nowMs();
  const rowsLeft = async (): Promise<ChunkRow[]> =>
    (await deps.chunks.listOf(session.session_id)).filter((row) => (row.retranscription ?? 0) < number);
  const queue = async (row: ChunkRow): Promise<ChunkRow | undefined> =>
    row.state !== 'leased' && (await deps.chunks.transcribeAgain(row, { number, language, model }, LANE, nowMs))
      ? row
      : undefined;
  const rows = await rowsLeft();
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
    const queued = (await Promise.all(rows.slice(from, from + ROWS_AT_ONCE).map(queue))).filter((row) => row !== undefined);
    const places = queued.map((row) => ({ sessionId: row.session_id, chunkNumber: row.chunk_number }));
    if (places.length > 0) await deps.queue.sendMany(LANE, places);
    if (from === 0) await deps.wake();
  }
  if ((await rowsLeft()).length === 0) await deps.sessions.noteRequeued(session);
  else await deps.sessions.setDue(session, nowMs + CONTINUE_MS);
}

/** @throws DomainError `not-ready` during the recording, while chunks are being transcribed, or without audio */
function refuseUnready(session: SessionRow, rows: readonly ChunkRow[]): void {
  if (session.state !== 'completed') throw new DomainError('not-ready', 'the recording is still active; stop it first');
  if (rows.length === 0) throw new DomainError('not-ready', 'no audio of this session has been uploaded');
  const busy = rows.filter((row) => row.state === 'leased' || (row.state === 'pending' && row.lane !== 'backlog'));
  if (busy.length > 0) throw new DomainError('not-ready', `${busy.length} chunks are still being transcribed; try again later`);
}

/**
 * Starts a retranscription. The same request during a retranscription changes nothing.
 * @throws DomainError `invalid` for a model or language that the stage does not offer; `not-ready`; `deleted`
 */
export async function retranscribe(
  deps: RetranscribeDeps,
  session: SessionRow,
  choice: RetranscribeChoice,
  models: readonly string[],
): Promise<SessionRow> {
  const language = choice.language === undefined ? session.language : (choice.language ?? undefined);
  const chosen = choice.model ?? session.model;
  admitChoice({ language, model: chosen }, models);
  const model = chosen === models[0] ? undefined : chosen;
  const rows = await deps.chunks.listOf(session.session_id);
  if (isRetranscribing(session, rows)) {
    if (language !== session.language || model !== session.model)
      throw new DomainError('not-ready', 'this session is already being transcribed again with other options');
    return session;
  }
  refuseUnready(session, rows);
  const nowMs = deps.nowMs();
  const begun = await deps.sessions.retranscribe(session, { language, model, nowMs, dueAtMs: nowMs + CONTINUE_MS });
  const now = await deps.sessions.get(session.session_id);
  if (now === undefined || now.state === 'deleted') throw sessionDeleted();
  // A concurrent call with other options was committed first.
  if (!begun && (now.language !== language || now.model !== model))
    throw new DomainError('not-ready', 'this session is already being transcribed again with other options');
  await continueRetranscription(deps, now);
  return now;
}
