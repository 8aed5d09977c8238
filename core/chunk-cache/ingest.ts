/**
 * An uploaded object becomes a row and a message. The same event twice, late, or out of order gives the same rows:
 * the object's etag decides, not the event.
 */
import { type ChunkPlace, SESSION_ID, type SessionPlace } from '../contracts/keys.ts';
import type { Lane } from '../contracts/lanes.ts';
import { MAX_CHUNK_BYTES, PENDING_SHARDS } from '../contracts/limits.ts';
import type { ChunkRow, SessionRow } from '../contracts/rows.ts';
import type { SessionStore } from '../sessions/ports.ts';
import { newSession } from '../sessions/session.ts';
import type { ChunkObjects, ChunkStore, StoredObject, WorkQueue } from './ports.ts';

export interface IngestDeps {
  readonly sessions: Pick<SessionStore, 'create' | 'get'>;
  readonly chunks: ChunkStore;
  readonly objects: ChunkObjects;
  readonly queue: WorkQueue;
  readonly wake: () => Promise<void>;
  readonly nowMs: () => number;
}

/** Spreads sessions over the partitions of the pending index. */
export function pendingShard(sessionId: string): string {
  let sum = 0;
  for (const character of sessionId) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 65_521;
  return `pending-${sum % PENDING_SHARDS}`;
}

/** Why these bytes can't be a chunk, without looking inside; undefined when they can. */
function obviousFault(object: StoredObject): string | undefined {
  if (object.sizeBytes === 0) return 'the uploaded file is empty';
  if (object.sizeBytes > MAX_CHUNK_BYTES) return 'the uploaded file is larger than a chunk may be';
  return undefined;
}

interface Service {
  readonly lane: Lane;
  readonly language?: string | undefined;
  readonly diarize?: boolean | undefined;
}

/** The row of a chunk that has just arrived. */
export function firstRow(place: ChunkPlace, object: StoredObject, { lane, language, diarize }: Service, nowMs: number): ChunkRow {
  const fault = obviousFault(object);
  return {
    session_id: place.sessionId,
    chunk_number: place.chunkNumber,
    user_id: place.userId,
    lane,
    ...(language !== undefined && { language }),
    ...(diarize && { diarize }),
    object_key: object.key,
    etag: object.etag,
    size_bytes: object.sizeBytes,
    uploaded_at_ms: object.modifiedAtMs,
    ...(object.said?.durationSeconds !== undefined && { said_seconds: object.said.durationSeconds }),
    ...(object.said?.startedAtMs !== undefined && { started_at_ms: object.said.startedAtMs }),
    ...(object.said?.overlapMs !== undefined && { overlap_ms: object.said.overlapMs }),
    attempts: 0,
    fence: 0,
    queued_at_ms: nowMs,
    next_attempt_at_ms: 0,
    ...(fault === undefined
      ? { state: 'pending', pending_shard: pendingShard(place.sessionId) }
      : { state: 'dead', dead_shard: 'dead', error_message: fault }),
  };
}

export type Admission = 'admitted' | 'known' | 'conflict' | 'gone' | 'foreign' | 'deleted';

/** Takes one object into the cache. `known`: these very bytes are there; `conflict`: others hold the number. */
async function admit(
  deps: Pick<IngestDeps, 'chunks' | 'nowMs'>,
  place: ChunkPlace,
  object: StoredObject,
  service: Service,
): Promise<Admission> {
  const row = firstRow(place, object, service, deps.nowMs());
  const outcome = await deps.chunks.insert(row);
  if (outcome.kind === 'inserted') return 'admitted';
  const { row: existing } = outcome;
  if (existing.etag === object.etag && existing.object_key === object.key) return 'known';
  if (!existing.replace_allowed) return 'conflict';
  return (await deps.chunks.replace(existing, { ...row, fence: existing.fence + 1 })) ? 'admitted' : 'known';
}

/** The session of an object that arrived; made when nobody created it (older recorders make ids themselves). */
async function sessionOf(deps: IngestDeps, place: ChunkPlace): Promise<SessionRow> {
  const known = await deps.sessions.get(place.sessionId);
  if (known) return known;
  const row = { ...newSession({ live: true }, place.userId, '', deps.nowMs()), session_id: place.sessionId };
  await deps.sessions.create(row);
  return (await deps.sessions.get(place.sessionId)) ?? row;
}

const servedNow = (session: SessionRow): boolean => session.live;
const laneOf = (session: SessionRow): Lane => (session.state === 'completed' ? 'stop' : 'live');

/** Takes an object that is in the bucket into the cache, under the session that its key names. */
export async function takeIn(
  deps: IngestDeps,
  place: ChunkPlace,
  key: string,
  laneFor: (session: SessionRow) => Lane,
): Promise<{ readonly admission: Admission; readonly session?: SessionRow }> {
  const object = await deps.objects.head(key);
  if (object === undefined) return { admission: 'gone' };
  const session = await sessionOf(deps, place);
  if (session.user_id !== place.userId) return { admission: 'foreign' };
  if (session.state === 'deleted') {
    await deps.objects.remove(key); // it was on its way when its session was deleted
    return { admission: 'deleted' };
  }
  const service = { lane: laneFor(session), language: session.language, diarize: session.diarize };
  return { admission: await admit(deps, place, object, service), session };
}

/** One "object created" event. Sessions that are only stored get their row, but no message and no machine. */
export async function ingest(deps: IngestDeps, place: ChunkPlace, key: string): Promise<Admission> {
  const { admission, session } = await takeIn(deps, place, key, (of) => (servedNow(of) ? laneOf(of) : 'backlog'));
  if (session === undefined) return admission;
  const row = await deps.chunks.get(place.sessionId, place.chunkNumber);
  // A redelivered event finds its row: the first delivery may have died before the message went out.
  if (servedNow(session) && row?.state === 'pending' && (admission === 'admitted' || admission === 'known')) {
    await deps.queue.send(laneOf(session), place.sessionId, place.chunkNumber);
    await deps.wake();
  }
  return admission;
}

/** After Stop: everything uploaded is in the cache and everything that waits is in front, without trusting any event. */
export async function queueWhatIsMissing(deps: IngestDeps, session: SessionRow): Promise<number> {
  const owner: SessionPlace = { userId: session.user_id, sessionId: session.session_id };
  if (!SESSION_ID.test(owner.sessionId)) return 0;
  const lane: Lane = servedNow(session) ? 'stop' : 'backlog';
  const [rows, stored] = await Promise.all([deps.chunks.listOf(owner.sessionId), deps.objects.listChunks(owner)]);
  const known = new Set(rows.map((row) => row.chunk_number));
  const unknown = stored.filter(({ place }) => !known.has(place.chunkNumber));
  for (const { place, object } of unknown) {
    const whole = await deps.objects.head(object.key);
    if (whole !== undefined) await admit(deps, place, whole, { lane, language: session.language, diarize: session.diarize });
  }
  if (!servedNow(session)) return 0;
  const now = unknown.length > 0 ? await deps.chunks.listOf(owner.sessionId) : rows;
  // A leased chunk gets a message too: should its worker have died, that is there when the lease ends, sooner than the hidden one.
  const waiting = now.filter(({ state }) => state === 'pending' || state === 'leased');
  for (const row of waiting) {
    await deps.queue.send(lane, row.session_id, row.chunk_number);
    await deps.chunks.noteQueued(row, lane, deps.nowMs());
  }
  if (waiting.length > 0) await deps.wake();
  return waiting.length;
}
