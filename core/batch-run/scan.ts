/**
 * The scan of a batch run: finds chunks without a transcript. The pending index lists most of them. The bucket's listing shows
 * what the index lacks: uploads whose event was lost, and results that were deleted or broken.
 *
 * The listing shows which chunks have an intact result: a canonical file is a copy of a committed result, so both have the same
 * ETag. Rows are read only for the other chunks.
 */
import type { ChunkStore } from '../chunk-cache/ports.ts';
import { firstRow } from '../chunk-cache/rows.ts';
import { type Contained, type Containment, forEachContained } from '../contained.ts';
import { type ChunkPlace, isJobId, parseSessionObject, type SessionObject, sessionPrefix } from '../contracts/keys.ts';
import { PUBLISHED_SECONDS, UNSERVED_SECONDS } from '../contracts/limits.ts';
import type { ChunkRow } from '../contracts/rows.ts';
import { type IngestDeps, ingestObject } from '../sessions/ingest.ts';
import type { BucketListing, CanonicalResults, ListedObject } from './ports.ts';

export interface ScanDeps extends IngestDeps {
  readonly chunks: ChunkStore;
  readonly bucket: BucketListing;
  readonly canonical: CanonicalResults;
}

interface StoredChunk {
  readonly place: ChunkPlace;
  readonly object: ListedObject;
}

/** An uploaded chunk without an intact result in the listing, or with audio that is newer than its result. */
interface Candidate extends StoredChunk {
  /** The result is intact, but the audio is newer. */
  readonly hasResult: boolean;
}

interface Folder {
  readonly name: string;
  readonly chunks: StoredChunk[];
  readonly transcripts: Map<number, ListedObject>;
  /** ETags of the committed results, by chunk number. */
  readonly results: Map<number, Set<string>>;
}

/** Chunks of one folder whose canonical transcript is missing, empty, not a committed result, or older than the audio. */
function candidatesOf({ chunks, transcripts, results }: Folder): Candidate[] {
  return chunks.flatMap(({ place, object }): Candidate[] => {
    const transcript = transcripts.get(place.chunkNumber);
    if (transcript === undefined || transcript.sizeBytes === 0) return [{ place, object, hasResult: false }];
    const committed = results.get(place.chunkNumber);
    // Clients of older versions stored no committed results: their transcripts are accepted as they are.
    if (committed === undefined) return [];
    if (!committed.has(transcript.etag)) return [{ place, object, hasResult: false }];
    // The audio may have been overwritten; the row contains the ETag of what was transcribed.
    return object.modifiedAtMs > transcript.modifiedAtMs ? [{ place, object, hasResult: true }] : [];
  });
}

const folderOf = (name: string): Folder => ({ name, chunks: [], transcripts: new Map(), results: new Map() });

function addObject(folder: Folder, { kind, place }: SessionObject, object: ListedObject): void {
  const { chunkNumber } = place;
  if (kind === 'chunk') folder.chunks.push({ place, object });
  else if (kind === 'transcript') folder.transcripts.set(chunkNumber, object);
  else folder.results.set(chunkNumber, (folder.results.get(chunkNumber) ?? new Set()).add(object.etag));
}

/** Finds the candidates of each session folder in a listing, which is in key order. Returns the number of folders. */
async function findCandidates(
  pages: AsyncIterable<readonly ListedObject[]>,
  onCandidates: (candidates: Candidate[]) => Promise<void>,
  onPage: () => Promise<void> = async () => undefined,
): Promise<number> {
  let folders = 0;
  let open = folderOf('');
  /** Adds an object to its folder. Returns the candidates of the previous folder when a new one begins. */
  const add = (object: ListedObject): Candidate[] => {
    const parsed = parseSessionObject(object.key);
    if (parsed === undefined) return [];
    const previous = open;
    if (parsed.folder !== open.name) {
      open = folderOf(parsed.folder);
      folders += 1;
    }
    addObject(open, parsed, object);
    return open === previous ? [] : candidatesOf(previous);
  };
  for await (const page of pages) {
    const candidates = page.flatMap(add);
    if (candidates.length > 0) await onCandidates(candidates);
    await onPage();
  }
  if (folders > 0) await onCandidates(candidatesOf(open));
  return folders;
}

const ROWS_AT_ONCE = 100;
const EXAMINED_AT_ONCE = 16;
const USERS_AT_ONCE = 16;
/** Time limit for one user; the next scan finds the rest. */
const USER_SECONDS = 10 * 60;

type Finding = { readonly kind: 'found' | 'reset' | 'nothing'; readonly row?: ChunkRow };
const NOTHING: Finding = { kind: 'nothing' };

/** Ingests a chunk that has no row, or newer audio than its row. */
async function ingestCandidate(
  deps: ScanDeps,
  isDry: boolean,
  { place, object }: Candidate,
  row: ChunkRow | undefined,
): Promise<Finding> {
  if (isDry) {
    const first = firstRow(place, object, { lane: 'backlog' }, deps.nowMs());
    return row === undefined && first.state === 'pending' ? { kind: 'found', row: first } : NOTHING;
  }
  const { admission } = await ingestObject(deps, place, object.key, () => 'backlog');
  return admission === 'admitted' ? { kind: 'found' } : NOTHING;
}

/** Compares a candidate with its row and repairs the row. A dry scan repairs nothing and returns the row as it would be. */
async function examine(deps: ScanDeps, isDry: boolean, candidate: Candidate, row: ChunkRow | undefined): Promise<Finding> {
  const { object, hasResult } = candidate;
  // Only the row shows which audio the result was made of. Without a row, the result is accepted.
  if (row === undefined && hasResult) return NOTHING;
  if (row === undefined || row.etag !== object.etag || row.object_key !== object.key)
    return ingestCandidate(deps, isDry, candidate, row);
  if (row.state === 'pending' || row.state === 'leased') {
    if (row.pending_shard === undefined && !isDry) await deps.chunks.index(row);
    return NOTHING;
  }
  return row.state === 'done' ? examineResult(deps, isDry, row) : NOTHING;
}

/** Resets a chunk whose canonical result is missing or broken. */
async function examineResult(deps: ScanDeps, isDry: boolean, row: ChunkRow): Promise<Finding> {
  if (!(await isPublished(deps, row))) return NOTHING;
  if ((await deps.canonical.readCanonical(row)) !== undefined) return NOTHING;
  if (isDry) return { kind: 'reset', row: { ...row, state: 'pending', lane: 'backlog' } };
  return (await deps.chunks.reset(row, 'backlog', deps.nowMs())) ? { kind: 'reset' } : NOTHING;
}

/** Whether the canonical file must exist: PUBLISHED_SECONDS after the commit, or once the session's transcript is written. */
async function isPublished({ sessions, nowMs }: ScanDeps, { session_id, transcribed_at_ms: at = 0 }: ChunkRow): Promise<boolean> {
  if (at <= nowMs() - 1000 * PUBLISHED_SECONDS) return true;
  return ((await sessions.get(session_id))?.transcript_written_at_ms ?? 0) > at;
}

export interface Scan {
  /** Session folders that were scanned. */
  readonly sessions: number;
  /** Every user and candidate was examined without an error. */
  readonly isComplete: boolean;
  /** Uploads without a row, or newer than their row. */
  readonly found: number;
  /** Chunks whose result was missing or broken. */
  readonly reset: number;
  /** Unfinished rows that wait for the batch, or whose message or worker was lost. */
  readonly missing: readonly ChunkRow[];
}

/** Whether the row counts as missing: it waits for the batch, or its message or worker was lost. */
function isMissing(row: ChunkRow, nowMs: number): boolean {
  // Files and retranscriptions may wait longer in their lanes. The reaper and the session keeper resend their lost messages.
  if (isJobId(row.session_id) || row.lane === 'files') return false;
  const graceMs = 1000 * UNSERVED_SECONDS;
  if (row.state === 'leased') return (row.lease_until_ms ?? 0) + graceMs < nowMs;
  return (
    row.state === 'pending' && (row.lane === 'backlog' || nowMs - Math.max(row.queued_at_ms, row.next_attempt_at_ms) > graceMs)
  );
}

export interface ScanRange {
  /** Only sessions with a newer id (ids begin with their time). Undefined: all. */
  readonly afterSession?: string | undefined;
  /** Repair nothing. */
  readonly isDry: boolean;
  /** Called after every page to renew the run's claim. A rejection ends the scan. */
  readonly onProgress: () => Promise<void>;
}

/** Scans the bucket. A user or object that fails does not stop the others: the next scan finds it again. */
export async function scan(
  deps: ScanDeps,
  { afterSession, isDry, onProgress }: ScanRange,
  containment: Containment,
): Promise<Scan> {
  let isComplete = true;
  /** Error of `onProgress`, which ends the scan. */
  let progressError: unknown;
  const record = ({ errors, left }: Contained): void => {
    isComplete &&= errors.length + left === 0;
  };
  const counts = { found: 0, reset: 0, nothing: 0 };
  const repaired = new Map<string, ChunkPlace>();
  const dryRunRows = new Map<string, ChunkRow>();
  let sessions = 0;

  const examineAll = async (candidates: readonly Candidate[]): Promise<void> => {
    for (let from = 0; from < candidates.length; from += ROWS_AT_ONCE) {
      const some = candidates.slice(from, from + ROWS_AT_ONCE);
      const rows = new Map((await deps.chunks.getMany(some.map(({ place }) => place))).map((row) => [idOf(row), row]));
      const work = async (candidate: Candidate): Promise<void> => {
        const { kind, row } = await examine(deps, isDry, candidate, rows.get(placeId(candidate)));
        counts[kind] += 1;
        if (row !== undefined) dryRunRows.set(placeId(candidate), row);
        else if (kind !== 'nothing') repaired.set(placeId(candidate), candidate.place);
      };
      record(await forEachContained(some, { idOf: placeId, work, atOnce: EXAMINED_AT_ONCE }, containment));
    }
  };
  const reportProgress = (): Promise<void> =>
    onProgress().catch((error: unknown) => {
      progressError = error;
      throw error;
    });
  const scanUser = async (userId: string): Promise<void> => {
    if (progressError !== undefined) return;
    const after = afterSession === undefined ? undefined : sessionPrefix({ userId, sessionId: afterSession });
    const folders = await findCandidates(deps.bucket.objectsOf(userId, after), examineAll, reportProgress);
    sessions += folders; // a separate statement, because other users change the sum during the await
  };
  const users = { idOf: (userId: string) => userId, work: scanUser, atOnce: USERS_AT_ONCE, seconds: USER_SECONDS };
  record(await forEachContained(await deps.bucket.users(), users, containment));
  if (progressError !== undefined) throw progressError;

  // Rows that were just repaired may not be in the index yet.
  const waiting = new Map([...dryRunRows.values(), ...(await deps.chunks.listAllPending())].map((row) => [idOf(row), row]));
  const notIndexed = [...repaired].filter(([id]) => !waiting.has(id)).map(([, place]) => place);
  for (const row of await deps.chunks.getMany(notIndexed)) waiting.set(idOf(row), row);
  return {
    sessions,
    isComplete,
    found: counts.found,
    reset: counts.reset,
    missing: [...waiting.values()].filter((row) => isMissing(row, deps.nowMs())),
  };
}

const placeId = ({ place: { sessionId, chunkNumber } }: Candidate): string => `${sessionId}#${chunkNumber}`;
const idOf = (row: Pick<ChunkRow, 'session_id' | 'chunk_number'>): string => `${row.session_id}#${row.chunk_number}`;

const STARVING_MS = 24 * 3_600_000;

/** Sessions that have waited for over a day first, oldest first; then the newest sessions. Chunks of a session are in order. */
export function inQueueOrder(rows: readonly ChunkRow[], nowMs: number): ChunkRow[] {
  const newest = new Map<string, number>();
  for (const row of rows) newest.set(row.session_id, Math.max(newest.get(row.session_id) ?? 0, row.uploaded_at_ms));
  const rank = (row: ChunkRow): number => {
    const uploadedMs = newest.get(row.session_id) ?? 0;
    return nowMs - uploadedMs > STARVING_MS ? uploadedMs - Number.MAX_SAFE_INTEGER : -uploadedMs;
  };
  return [...rows].sort(
    (a, b) => rank(a) - rank(b) || a.session_id.localeCompare(b.session_id) || a.chunk_number - b.chunk_number,
  );
}
