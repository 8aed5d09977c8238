/**
 * Finds what has no text: the pending index says it at once, and the bucket itself is looked through for what the index
 * cannot know: uploads of which no event told, and results that were deleted or broken.
 *
 * The bucket's listing alone tells which chunks have an intact result: a canonical file is a copy of a committed one, so
 * both have the same etag. Only of the others are rows read.
 */
import { firstRow, type IngestDeps, takeIn } from '../chunk-cache/ingest.ts';
import type { ChunkStore } from '../chunk-cache/ports.ts';
import { type ChunkPlace, isJobId, parseSessionObject, sessionPrefix } from '../contracts/keys.ts';
import { PUBLISHED_SECONDS, UNSERVED_SECONDS } from '../contracts/limits.ts';
import type { ChunkRow } from '../contracts/rows.ts';
import type { BucketListing, CanonicalResults, ListedObject } from './ports.ts';

export interface ScanDeps extends IngestDeps {
  readonly chunks: ChunkStore;
  readonly bucket: BucketListing;
  readonly canonical: CanonicalResults;
}

/** An uploaded chunk that has no intact result beside it. */
interface Suspect {
  readonly place: ChunkPlace;
  readonly object: ListedObject;
}

interface Folder {
  readonly name: string;
  readonly chunks: Suspect[];
  readonly transcripts: Map<number, ListedObject>;
  readonly results: Map<number, Set<string>>;
}

/** Chunks of one folder whose canonical transcript is missing, empty, or not what any worker wrote. */
function suspectsOf({ chunks, transcripts, results }: Folder): Suspect[] {
  return chunks.filter(({ place: { chunkNumber } }) => {
    const transcript = transcripts.get(chunkNumber);
    if (transcript === undefined || transcript.sizeBytes === 0) return true;
    const committed = results.get(chunkNumber);
    // Older recorders kept no results beside their transcripts: these count as they are.
    return committed !== undefined && !committed.has(transcript.etag);
  });
}

/** Sorts a listing, which is in the order of keys, into folders of sessions; `found` gets each as it is complete. */
async function sortFolders(
  pages: AsyncIterable<readonly ListedObject[]>,
  found: (suspects: Suspect[]) => Promise<void>,
  onPage: () => Promise<void> = async () => undefined,
): Promise<number> {
  let folders = 0;
  let open: Folder | undefined;
  for await (const page of pages) {
    const suspects: Suspect[] = [];
    for (const object of page) {
      const parsed = parseSessionObject(object.key);
      if (parsed === undefined) continue;
      if (parsed.folder !== open?.name) {
        if (open !== undefined) suspects.push(...suspectsOf(open));
        open = { name: parsed.folder, chunks: [], transcripts: new Map(), results: new Map() };
        folders += 1;
      }
      const { chunkNumber } = parsed.place;
      if (parsed.kind === 'chunk') open.chunks.push({ place: parsed.place, object });
      else if (parsed.kind === 'transcript') open.transcripts.set(chunkNumber, object);
      else open.results.set(chunkNumber, (open.results.get(chunkNumber) ?? new Set()).add(object.etag));
    }
    if (suspects.length > 0) await found(suspects);
    await onPage();
  }
  if (open !== undefined) await found(suspectsOf(open));
  return folders;
}

const ROWS_AT_ONCE = 100;
const EXAMINED_AT_ONCE = 16;
const USERS_AT_ONCE = 16;

/** Runs `work` on each item, so many at a time. */
export async function each<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items].reverse();
  const worker = async (): Promise<void> => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
}

type Finding = { readonly kind: 'found' | 'reset' | 'nothing'; readonly row?: ChunkRow };
const NOTHING: Finding = { kind: 'nothing' };

/** What one suspect turns out to be. Its row is repaired, unless the scan is dry: then the finding has the row as it would be. */
async function examine(deps: ScanDeps, isDry: boolean, { place, object }: Suspect, row: ChunkRow | undefined): Promise<Finding> {
  if (row === undefined || row.etag !== object.etag || row.object_key !== object.key) {
    if (isDry) {
      const first = firstRow(place, object, { lane: 'backlog' }, deps.nowMs());
      return row === undefined && first.state === 'pending' ? { kind: 'found', row: first } : NOTHING;
    }
    const { admission } = await takeIn(deps, place, object.key, () => 'backlog');
    return admission === 'admitted' ? { kind: 'found' } : NOTHING;
  }
  if (row.state === 'pending' || row.state === 'leased') {
    if (row.pending_shard === undefined && !isDry) await deps.chunks.index(row);
    return NOTHING;
  }
  if (row.state !== 'done' || !(await isPublished(deps, row))) return NOTHING;
  if ((await deps.canonical.readCanonical(row)) !== undefined) return NOTHING;
  if (isDry) return { kind: 'reset', row: { ...row, state: 'pending', lane: 'backlog' } };
  return (await deps.chunks.reset(row, 'backlog', deps.nowMs())) ? { kind: 'reset' } : NOTHING;
}

/** Whether its canonical file has been written: some seconds after the commit, and before the session's transcript. */
async function isPublished({ sessions, nowMs }: ScanDeps, { session_id, transcribed_at_ms: at = 0 }: ChunkRow): Promise<boolean> {
  if (at <= nowMs() - 1000 * PUBLISHED_SECONDS) return true;
  return ((await sessions.get(session_id))?.transcript_written_at_ms ?? 0) > at;
}

export interface Scan {
  /** Folders of sessions that were looked at. */
  readonly sessions: number;
  readonly found: number;
  readonly reset: number;
  /** Rows that wait with nobody at work on them. */
  readonly missing: readonly ChunkRow[];
}

/** Whether nobody would take this row up but a batch: it waits for one, or its message or its worker was lost. */
function isMissed(row: ChunkRow, nowMs: number): boolean {
  if (isJobId(row.session_id)) return false; // files have lanes and a keeper of their own
  const patientMs = 1000 * UNSERVED_SECONDS;
  if (row.state === 'leased') return (row.lease_until_ms ?? 0) + patientMs < nowMs;
  return (
    row.state === 'pending' && (row.lane === 'backlog' || nowMs - Math.max(row.queued_at_ms, row.next_attempt_at_ms) > patientMs)
  );
}

export interface ScanRange {
  /** Only sessions whose id is newer than this one (ids begin with their time); undefined: all. */
  readonly afterSession?: string | undefined;
  /** Nothing is repaired. */
  readonly isDry: boolean;
  /** Called after every page, so that whoever waits knows that it goes on. */
  readonly onProgress: () => Promise<void>;
}

export async function scan(deps: ScanDeps, { afterSession, isDry, onProgress }: ScanRange): Promise<Scan> {
  const counts = { found: 0, reset: 0, nothing: 0 };
  const repaired = new Map<string, ChunkPlace>();
  const wouldWait = new Map<string, ChunkRow>();
  let sessions = 0;

  const look = async (suspects: readonly Suspect[]): Promise<void> => {
    for (let from = 0; from < suspects.length; from += ROWS_AT_ONCE) {
      const some = suspects.slice(from, from + ROWS_AT_ONCE);
      const rows = new Map((await deps.chunks.getMany(some.map(({ place }) => place))).map((row) => [idOf(row), row]));
      await each(some, EXAMINED_AT_ONCE, async (suspect) => {
        const id = `${suspect.place.sessionId}#${suspect.place.chunkNumber}`;
        const { kind, row } = await examine(deps, isDry, suspect, rows.get(id));
        counts[kind] += 1;
        if (row !== undefined) wouldWait.set(id, row);
        else if (kind !== 'nothing') repaired.set(id, suspect.place);
      });
    }
  };

  await each(await deps.bucket.users(), USERS_AT_ONCE, async (userId) => {
    const after = afterSession === undefined ? undefined : sessionPrefix({ userId, sessionId: afterSession });
    const folders = await sortFolders(deps.bucket.objectsOf(userId, after), look, onProgress);
    sessions += folders; // not in one expression with the await: others count meanwhile
  });

  // What was repaired just now may not be in the index yet.
  const waiting = new Map([...wouldWait.values(), ...(await deps.chunks.listAllPending())].map((row) => [idOf(row), row]));
  const late = [...repaired].filter(([id]) => !waiting.has(id)).map(([, place]) => place);
  for (const row of await deps.chunks.getMany(late)) waiting.set(idOf(row), row);
  return {
    sessions,
    found: counts.found,
    reset: counts.reset,
    missing: [...waiting.values()].filter((row) => isMissed(row, deps.nowMs())),
  };
}

const idOf = (row: Pick<ChunkRow, 'session_id' | 'chunk_number'>): string => `${row.session_id}#${row.chunk_number}`;

const STARVING_MS = 24 * 3_600_000;

/** Sessions that wait for a day first, then the newest; the chunks of one together, in their order. */
export function inOrder(rows: readonly ChunkRow[], nowMs: number): ChunkRow[] {
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
