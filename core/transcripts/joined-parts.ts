/**
 * The text of a long session is joined once and kept in parts, so that a new chunk, a poll and the end of a recording read only
 * what is new.
 *
 * A part contains the joined text of `PART_CHUNKS` chunks. The session's row tells how many chunks the valid parts cover
 * (`settled_chunks`); the chunks after them are joined when they are read.
 * - The consumer of the chunk stream writes the next part when its chunks have outcomes, one part after the other.
 * - A change of a chunk that a part covers takes back this part and those after it (core/sessions/settled.ts). They are written
 *   again.
 * - Each part names the one before it by a hash. So a reader notices parts that are being rewritten, and joins those chunks itself.
 *
 * A lost part costs time only. Parts contain recognized text: corrections and edits are applied to what is read.
 */
import { createHash } from 'node:crypto';
import pMap from 'p-map';
import type { ChunkStore } from '../chunk-cache/ports.ts';
import { PART_CHUNKS } from '../contracts/limits.ts';
import type { ChunkRow, SessionRow } from '../contracts/rows.ts';
import type { SessionStore } from '../sessions/ports.ts';
import { isBeingRetranscribed } from '../sessions/session.ts';
import { concat, continuationOf, extend, type Joined, NOTHING_JOINED } from './join.ts';
import { hasOutcome, outcomesOf, type ResultReader } from './outcomes.ts';

/** A stored part. */
export interface JoinedPart {
  /** Hash of the part and of all parts before it. */
  readonly id: string;
  readonly previousId: string | undefined;
  readonly joined: Joined;
}

export interface PartReader extends Pick<ResultReader, 'readResult'> {
  /** The part whose last chunk has this number; undefined if there is none. */
  readPart(session: SessionRow, lastChunk: number): Promise<JoinedPart | undefined>;
}

export interface PartStore extends PartReader {
  writePart(session: SessionRow, part: JoinedPart): Promise<void>;
}

interface ReadDeps {
  readonly chunks: Pick<ChunkStore, 'listFrom'>;
  readonly results: PartReader;
}

const READS_AT_ONCE = 32;

/** Number of chunks that a text and all text before it cover. */
export const chunksIn = ({ before, chunks }: Joined): number => before.chunks + chunks.length;

function partOf(joined: Joined, previousId: string | undefined): JoinedPart {
  const hash = createHash('sha256').update(JSON.stringify([previousId, joined]));
  return { id: hash.digest('base64url').slice(0, 16), previousId, joined };
}

/** Numbers of the last chunks of the parts after `from` chunks. */
const partsAfter = (from: number, settled: number): number[] =>
  Array.from({ length: Math.floor((settled - from) / PART_CHUNKS) }, (_, index) => from + (index + 1) * PART_CHUNKS);

/** A text with the part that its beginning up to then is stored in. */
export interface Stored {
  readonly joined: Joined;
  /** The last part that was read; undefined if there is none. */
  readonly part: JoinedPart | undefined;
}

/** Appends the parts after `first`, as far as each continues the one before. */
async function withParts({ results }: ReadDeps, session: SessionRow, first: Stored): Promise<Stored> {
  const numbers = partsAfter(chunksIn(first.joined), session.settled_chunks ?? 0);
  const parts = await pMap(numbers, (number) => results.readPart(session, number), { concurrency: READS_AT_ONCE });
  let last = first.part;
  const valid: Joined[] = [];
  for (const part of parts) {
    if (part === undefined || part.previousId !== last?.id) break;
    valid.push(part.joined);
    last = part;
  }
  return { joined: concat(first.joined, valid), part: last };
}

/** Appends the chunks that no part covers. */
async function withNewest({ chunks, results }: ReadDeps, session: SessionRow, { joined, part }: Stored): Promise<Stored> {
  const after = chunksIn(joined);
  const rows = await chunks.listFrom(session.session_id, Math.max(1, after));
  return { joined: extend(joined, await outcomesOf(results, session, rows, after)), part };
}

/** The whole text of a session so far. */
export const readJoined = async (deps: ReadDeps, session: SessionRow): Promise<Stored> =>
  withNewest(deps, session, await withParts(deps, session, { joined: NOTHING_JOINED, part: undefined }));

/** The text after the part with this id and last chunk; undefined if this part has changed. */
export async function readJoinedAfter(
  deps: ReadDeps,
  session: SessionRow,
  known: { readonly id: string; readonly chunks: number },
): Promise<Stored | undefined> {
  if (known.chunks > (session.settled_chunks ?? 0)) return undefined;
  const part = await deps.results.readPart(session, known.chunks);
  if (part?.id !== known.id) return undefined;
  return withNewest(deps, session, await withParts(deps, session, { joined: continuationOf(part.joined), part }));
}

export interface SettleDeps {
  readonly sessions: Pick<SessionStore, 'settle'>;
  readonly chunks: Pick<ChunkStore, 'listFrom'>;
  readonly results: PartStore;
}

/** Parts that one call writes; after a change of an early chunk, later calls write the rest. */
const PARTS_PER_CALL = 4;
/** A chunk number without audio is settled as a gap when this many later chunks have outcomes. */
const GAP_SETTLES_AFTER = 3 * PART_CHUNKS;

/** Whether a part of these rows may be written. `newest`: highest chunk number with an outcome. */
function canSettle(session: SessionRow, rows: readonly ChunkRow[], first: number, newest: number): boolean {
  const own = rows.filter((row) => row.chunk_number >= first);
  const again = isBeingRetranscribed(session) ? session.retranscription?.number : undefined;
  const isReady = own.every((row) => hasOutcome(row) && (again === undefined || row.retranscription === again));
  return isReady && (own.length === PART_CHUNKS || newest >= first + GAP_SETTLES_AFTER);
}

/** Writes the next parts of a session. `newest`: highest chunk number with an outcome. Calls for one session follow each other. */
export async function settleParts(deps: SettleDeps, session: SessionRow, newest: number): Promise<void> {
  let settled = session.settled_chunks ?? 0;
  let last = settled === 0 ? undefined : await lastPart(deps, session, settled);
  if (settled > 0 && last === undefined) return;
  for (let left = PARTS_PER_CALL; left > 0 && newest >= settled + PART_CHUNKS; left--) {
    const rows = await deps.chunks.listFrom(session.session_id, Math.max(1, settled), settled + PART_CHUNKS);
    if (!canSettle(session, rows, settled + 1, newest)) return;
    const outcomes = await outcomesOf(deps.results, session, rows, settled, settled + PART_CHUNKS);
    const joined = extend(last === undefined ? NOTHING_JOINED : continuationOf(last.joined), outcomes);
    last = partOf(joined, last?.id);
    await deps.results.writePart(session, last);
    if (!(await deps.sessions.settle(session.session_id, settled, settled + PART_CHUNKS))) return;
    settled += PART_CHUNKS;
  }
}

/** The last part; if it is lost, the session starts again without parts. */
async function lastPart(deps: SettleDeps, session: SessionRow, settled: number): Promise<JoinedPart | undefined> {
  const part = await deps.results.readPart(session, settled);
  if (part === undefined) await deps.sessions.settle(session.session_id, settled, 0);
  return part;
}
