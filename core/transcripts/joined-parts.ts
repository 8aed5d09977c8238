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
import { chunksInPartsBefore } from '../sessions/settled.ts';
import { continuationOf, extend, type Joined, NOTHING_JOINED } from './join.ts';
import { hasOutcome, outcomesOf, type ResultReader } from './outcomes.ts';
import type { ChunksBefore } from './positions.ts';

/** A stored part: its chunks, and the segments that they closed. */
export interface JoinedPart extends Pick<Joined, 'chunks' | 'closed'> {
  /** Hash of the part and of all parts before it. */
  readonly id: string;
  readonly previousId: string | undefined;
}

/** What is stored to continue after a part, without reading the part. */
export interface PartEnd {
  readonly id: string;
  /** The beginning of the text after it. */
  readonly joined: Joined;
}

/** Parts and their ends are named by the number of the part's last chunk; undefined if there is none. */
export interface PartReader extends Pick<ResultReader, 'readResult'> {
  readPart(session: SessionRow, lastChunk: number): Promise<JoinedPart | undefined>;
  readPartEnd(session: SessionRow, lastChunk: number): Promise<PartEnd | undefined>;
}

export interface PartStore extends PartReader {
  writePart(session: SessionRow, lastChunk: number, part: JoinedPart, end: PartEnd): Promise<void>;
}

/** Where the text of a session is read. */
export interface ReadDeps {
  readonly chunks: Pick<ChunkStore, 'listFrom'>;
  readonly results: PartReader;
}

const READS_AT_ONCE = 32;

/** Numbers of the last chunks of the parts after `from` chunks. */
const partsAfter = (from: number, settled: number): number[] =>
  Array.from({ length: Math.floor((settled - from) / PART_CHUNKS) }, (_, index) => from + (index + 1) * PART_CHUNKS);

/** A text, and the end of the last stored part that it begins with. */
export interface Stored {
  readonly joined: Joined;
  readonly end: PartEnd | undefined;
}

/** Appends the parts after `first`, as far as each continues the one before. */
async function withParts({ results }: ReadDeps, session: SessionRow, first: Stored): Promise<Stored> {
  const numbers = partsAfter(first.joined.before.chunks, session.settled_chunks ?? 0);
  const parts = await pMap(numbers, (number) => results.readPart(session, number), { concurrency: READS_AT_ONCE });
  const valid: JoinedPart[] = [];
  for (const part of parts) {
    if (part === undefined || part.previousId !== (valid.at(-1) ?? first.end)?.id) break;
    valid.push(part);
  }
  const end = valid.length === 0 ? undefined : await results.readPartEnd(session, numbers[valid.length - 1] ?? 0);
  if (end === undefined || end.id !== valid.at(-1)?.id) return first;
  const chunks = valid.flatMap((part) => part.chunks);
  const closed = valid.flatMap((part) => part.closed);
  return { joined: { ...end.joined, before: first.joined.before, chunks, closed }, end };
}

/** Appends the chunks that no part covers. */
async function withNewest({ chunks, results }: ReadDeps, session: SessionRow, { joined, end }: Stored): Promise<Stored> {
  const after = joined.before.chunks + joined.chunks.length;
  const rows = await chunks.listFrom(session.session_id, Math.max(1, after));
  return { joined: extend(joined, await outcomesOf(results, session, rows, after)), end };
}

/** The whole text of a session so far. */
export const readJoined = async (deps: ReadDeps, session: SessionRow): Promise<Stored> =>
  withNewest(deps, session, await withParts(deps, session, { joined: NOTHING_JOINED, end: undefined }));

/** The text after the part with this id and last chunk; undefined if this part has changed. */
export async function readJoinedAfter(
  deps: ReadDeps,
  session: SessionRow,
  known: { readonly id: string; readonly chunks: number },
): Promise<Stored | undefined> {
  if (known.chunks > (session.settled_chunks ?? 0)) return undefined;
  const end = await deps.results.readPartEnd(session, known.chunks);
  if (end?.id !== known.id) return undefined;
  return withNewest(deps, session, await withParts(deps, session, { joined: end.joined, end }));
}

/** The chunks before the part that contains this chunk, as far as parts are stored; none otherwise. */
export async function chunksBefore(results: PartReader, session: SessionRow, chunkNumber: number): Promise<ChunksBefore> {
  const after = Math.min(session.settled_chunks ?? 0, chunksInPartsBefore(chunkNumber));
  const end = after === 0 ? undefined : await results.readPartEnd(session, after);
  return end === undefined ? { after: 0, end: 0 } : { after, end: end.joined.before.last?.end ?? 0 };
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
  let end: PartEnd | undefined;
  for (let left = PARTS_PER_CALL; left > 0 && newest >= settled + PART_CHUNKS; left--) {
    const next = settled + PART_CHUNKS;
    const rows = await deps.chunks.listFrom(session.session_id, Math.max(1, settled), next);
    if (!canSettle(session, rows, settled + 1, newest)) return;
    if (settled > 0) end ??= await lastEnd(deps, session, settled);
    if (settled > 0 && end === undefined) return;
    const outcomes = await outcomesOf(deps.results, session, rows, settled, next);
    const joined = extend(end?.joined ?? NOTHING_JOINED, outcomes);
    const part = partOf(joined, end?.id);
    end = { id: part.id, joined: continuationOf(joined) };
    await deps.results.writePart(session, next, part, end);
    if (!(await deps.sessions.settle(session.session_id, settled, next))) return;
    settled = next;
  }
}

function partOf({ chunks, closed, open, totals }: Joined, previousId: string | undefined): JoinedPart {
  const hash = createHash('sha256').update(JSON.stringify([previousId, chunks, closed, open, totals]));
  return { id: hash.digest('base64url').slice(0, 16), previousId, chunks, closed };
}

/** The end of the last part; if it is lost, the session starts again without parts. */
async function lastEnd(deps: SettleDeps, session: SessionRow, settled: number): Promise<PartEnd | undefined> {
  const end = await deps.results.readPartEnd(session, settled);
  if (end === undefined) await deps.sessions.settle(session.session_id, settled, 0);
  return end;
}
