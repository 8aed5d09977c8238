/** The current transcript of a session: the stored one if it is final, otherwise joined from the results so far. */
import type { ChunkStore } from '../chunk-cache/ports.ts';
import type { SessionRow } from '../contracts/rows.ts';
import { Transcript } from '../contracts/transcript.ts';
import type { VersionedCorrector } from '../corrections/settings.ts';
import { DomainError } from '../errors.ts';
import { speakerLimitsOf } from '../recording-options.ts';
import { withUserChanges } from './edits.ts';
import { transcriptOf } from './join.ts';
import { type PartReader, readJoined, readJoinedAfter, type Stored } from './joined-parts.ts';
import { type ResultReader, userChangesOf } from './outcomes.ts';
import { joinTexts } from './spacing.ts';

export interface LiveDeps {
  readonly chunks: Pick<ChunkStore, 'listFrom'>;
  readonly results: ResultReader &
    PartReader & {
      readTranscript(session: SessionRow): Promise<string>;
      writeLive(session: SessionRow, json: string): Promise<void>;
    };
  readonly correctorFor: (userId: string) => Promise<VersionedCorrector>;
}

export interface CurrentTranscript {
  /** Changes whenever the text may have changed. */
  readonly tag: string;
  readonly isFinal: boolean;
  /** Reads or joins the transcript; returns its JSON. `after`: the `cursor` of an earlier one, to get only what follows. */
  readonly read: (after?: string) => Promise<string>;
}

/** Where a transcript is continued: the last stored part, and what the client has of the text up to there. */
interface Cursor {
  readonly chunks: number;
  readonly id: string;
  readonly correctionsVersion: number;
  /** Length of the text, in UTF-16 code units. */
  readonly characters: number;
}

const CURSOR = /^(\d{1,5})[.]([\w-]{16})[.](\d{1,9})[.](\d{1,9})$/;
const cursorText = ({ chunks, id, correctionsVersion, characters }: Cursor): string =>
  [chunks, id, correctionsVersion, characters].join('.');

function parseCursor(text: string): Cursor | undefined {
  const [, chunks, id, correctionsVersion, characters] = CURSOR.exec(text) ?? [];
  if (id === undefined) return undefined;
  return { chunks: Number(chunks), id, correctionsVersion: Number(correctionsVersion), characters: Number(characters) };
}

/** Cursor after the stored parts of a text. `texts` are the corrected texts of its segments; `start`: where they begin. */
function nextCursor(
  { joined, end }: Stored,
  { version }: VersionedCorrector,
  texts: readonly string[],
  start: { readonly characters: number; readonly text: string },
): string | undefined {
  if (end === undefined) return undefined;
  const { chunks, segments: before } = end.joined.before;
  const segments = before - joined.before.segments;
  const characters = start.characters + joinTexts([start.text, ...texts.slice(0, segments)]).length - start.text.length;
  return cursorText({ chunks, id: end.id, correctionsVersion: version, characters });
}

/** A transcript without edits or speakers from a cursor on, or from the beginning. */
function continuable(sessionId: string, stored: Stored, corrector: VersionedCorrector, cursor?: Cursor): Transcript {
  const { joined } = stored;
  const transcript = withUserChanges(transcriptOf(sessionId, joined), corrector.correct, []);
  const texts = transcript.segments.map(({ text }) => text);
  const start = { characters: cursor?.characters ?? 0, text: corrector.correct(joined.before.text) };
  const next = nextCursor(stored, corrector, texts, start);
  const { chunks, segments, seconds } = joined.before;
  return {
    ...transcript,
    ...(next !== undefined && { cursor: next }),
    ...(cursor !== undefined && {
      text: joinTexts([start.text, ...texts]).slice(start.text.length),
      after: { chunks, segments, seconds, characters: cursor.characters },
    }),
  };
}

async function readLive(deps: LiveDeps, session: SessionRow, after: string | undefined): Promise<Transcript> {
  const id = session.session_id;
  const corrector = await deps.correctorFor(session.user_id);
  const { edits, speakers } = await userChangesOf(deps.results, session);
  // Edits change the number of segments, and each new chunk, or name, can change the speakers of all segments.
  const isContinuable = edits.length === 0 && session.diarize !== true && speakers === undefined;
  const cursor = after === undefined || !isContinuable ? undefined : parseCursor(after);
  if (cursor?.correctionsVersion === corrector.version) {
    const stored = await readJoinedAfter(deps, session, cursor);
    if (stored !== undefined) return continuable(id, stored, corrector, cursor);
  }
  const whole = await readJoined(deps, session);
  if (isContinuable) return continuable(id, whole, corrector);
  return withUserChanges(transcriptOf(id, whole.joined, speakers, speakerLimitsOf(session)), corrector.correct, edits);
}

/** @throws DomainError `not-ready` if no chunk of the session has arrived */
export async function currentTranscript(deps: LiveDeps, session: SessionRow): Promise<CurrentTranscript> {
  const { text_revision: revision = 0, transcript_of: madeOf, edits_version, chunk_count } = session;
  if (madeOf !== undefined) return { tag: madeOf, isFinal: true, read: () => deps.results.readTranscript(session) };
  if (revision === 0 && (await deps.chunks.listFrom(session.session_id, 1)).length === 0)
    throw new DomainError('not-ready', 'there is no transcript yet: no chunk has arrived');
  return {
    tag: `live-${[revision, edits_version, chunk_count].join('.')}`,
    isFinal: false,
    read: async (after) => JSON.stringify({ ...(await readLive(deps, session, after)), final: false }),
  };
}

export const readCurrent = async (deps: LiveDeps, session: SessionRow): Promise<Transcript> =>
  Transcript.parse(JSON.parse(await (await currentTranscript(deps, session)).read()));
