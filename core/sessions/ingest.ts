/**
 * Turns an uploaded object into a chunk row and a queue message.
 *
 * Steps: an S3 event -> the session's row, if it is missing -> the chunk's row -> a message -> a request for a run.
 *
 * Gotchas:
 * - Events may be lost, repeated, late or out of order. The object's ETag decides, not the event.
 * - Stop ingests all stored chunks again (`ingestMissing`), so a lost event loses no chunk.
 * - A session that is only stored (`live: false`) gets rows, but no message and no run. Its rows wait for the batch.
 */
import pMap from 'p-map';
import type { ChunkObjects, ChunkStore, StoredObject, WorkQueue } from '../chunk-cache/ports.ts';
import { sendInto } from '../chunk-cache/queueing.ts';
import { type ChunkOptions, firstRow } from '../chunk-cache/rows.ts';
import { type ChunkPlace, SESSION_ID, type SessionPlace } from '../contracts/keys.ts';
import type { Lane } from '../contracts/lanes.ts';
import type { ChunkRow, SessionRow } from '../contracts/rows.ts';
import { CONFLICT, optimistically } from '../optimistic.ts';
import { sameSpeakerNumbers } from '../recording-options.ts';
import type { SessionStore } from './ports.ts';
import { newSession } from './session.ts';
import { takeBackParts } from './settled.ts';

/** Stores and queues of ingestion. */
export interface IngestDeps {
  readonly sessions: Pick<SessionStore, 'create' | 'get' | 'unsettle'>;
  readonly chunks: ChunkStore;
  readonly objects: ChunkObjects;
  readonly queue: WorkQueue;
  readonly wake: () => Promise<void>;
  readonly nowMs: () => number;
}

const OBJECTS_AT_ONCE = 16;

const optionsOf = (session: SessionRow, lane: Lane): ChunkOptions => {
  const { language, model, diarize, channels, prompt, hotwords, retranscription } = session;
  return {
    lane,
    language,
    model,
    diarize,
    ...sameSpeakerNumbers(session),
    channels,
    prompt,
    hotwords,
    retranscription: retranscription?.number,
  };
};

/**
 * Outcome of an ingestion. `admitted`: its row was inserted or replaced; `known`: its row existed; `conflict`: another
 * object has this chunk number; `gone`: the object does not exist; `foreign`: the session belongs to another user; `deleted`: the
 * session is deleted, and the object is removed.
 */
export type Admission = 'admitted' | 'known' | 'conflict' | 'gone' | 'foreign' | 'deleted';

/** Whether an object replaces that of the row: it overwrote the same key, or a replacement under another key was allowed. */
const replaces = (object: StoredObject, row: ChunkRow): boolean =>
  object.key === row.object_key || (row.replace_allowed === true && object.modifiedAtMs >= row.uploaded_at_ms);

/**
 * Inserts or replaces the row of an object. Reads the object again after a replacement, because the older of two events for one
 * key may arrive last.
 */
async function admit(
  deps: Pick<IngestDeps, 'chunks' | 'objects' | 'nowMs'>,
  place: ChunkPlace,
  first: StoredObject,
  options: ChunkOptions,
): Promise<Admission> {
  let admission: Admission = 'known';
  let object: StoredObject | undefined = first;
  return optimistically<Admission>('the chunk', async () => {
    if (object === undefined) return admission;
    const row = firstRow(place, object, options, deps.nowMs());
    const outcome = await deps.chunks.insert(row);
    if (outcome.kind === 'inserted') return 'admitted';
    const { row: existing } = outcome;
    if (existing.etag === object.etag && existing.object_key === object.key) return admission;
    if (!replaces(object, existing)) return 'conflict';
    if (await deps.chunks.replace(existing, { ...row, fence: existing.fence + 1 })) admission = 'admitted';
    object = await deps.objects.head(first.key);
    return CONFLICT;
  });
}

/** The session of an uploaded object; created if it is missing, because older clients generate session ids themselves. */
async function sessionOf(deps: IngestDeps, place: ChunkPlace): Promise<SessionRow> {
  const known = await deps.sessions.get(place.sessionId);
  if (known) return known;
  const row = { ...newSession({ live: true }, place.userId, '', deps.nowMs()), session_id: place.sessionId };
  await deps.sessions.create(row);
  return (await deps.sessions.get(place.sessionId)) ?? row;
}

const isLive = (session: SessionRow): boolean => session.live;
const laneOf = (session: SessionRow): Lane => (session.state === 'completed' ? 'stop' : 'live');

/** Ingests a stored object into the session that its key names. `laneFor` chooses the lane of a new row. */
export async function ingestObject(
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
    await deps.objects.remove(key); // uploaded while its session was being deleted
    return { admission: 'deleted' };
  }
  const admission = await admit(deps, place, object, optionsOf(session, laneFor(session)));
  if (admission === 'admitted') await takeBackParts(deps.sessions, session, place.chunkNumber);
  return { admission, session };
}

/** Handles one "object created" event. */
export async function ingest(deps: IngestDeps, place: ChunkPlace, key: string): Promise<Admission> {
  const { admission, session } = await ingestObject(deps, place, key, (of) => (isLive(of) ? laneOf(of) : 'backlog'));
  if (session === undefined) return admission;
  const row = await deps.chunks.get(place.sessionId, place.chunkNumber);
  // `known`: the first delivery may have died before it sent the message.
  if (isLive(session) && row?.state === 'pending' && (admission === 'admitted' || admission === 'known')) {
    await deps.queue.send(laneOf(session), place.sessionId, place.chunkNumber);
    await deps.wake();
  }
  return admission;
}

const laneAfterStop = (session: SessionRow): Lane => (isLive(session) ? 'stop' : 'backlog');

/**
 * Ingests the session's stored chunks that have no row or have newer bytes, without waiting for events. Returns all rows. No part of
 * the text covers a chunk that waits afterwards.
 */
export async function ingestMissing(deps: IngestDeps, session: SessionRow): Promise<readonly ChunkRow[]> {
  const sessionPlace: SessionPlace = { userId: session.user_id, sessionId: session.session_id };
  if (!SESSION_ID.test(sessionPlace.sessionId)) return [];
  const [rows, stored] = await Promise.all([deps.chunks.listOf(sessionPlace.sessionId), deps.objects.listChunks(sessionPlace)]);
  const known = new Map(rows.map((row) => [row.chunk_number, row]));
  const isNew = ({ key, etag }: StoredObject, row: ChunkRow | undefined): boolean =>
    row === undefined || (row.object_key === key && row.etag !== etag);
  const notIngested = stored.filter(({ place, object }) => isNew(object, known.get(place.chunkNumber)));
  await pMap(
    notIngested,
    async ({ place, object }) => {
      const current = await deps.objects.head(object.key);
      if (current !== undefined) await admit(deps, place, current, optionsOf(session, laneAfterStop(session)));
    },
    { concurrency: OBJECTS_AT_ONCE },
  );
  const all = notIngested.length > 0 ? await deps.chunks.listOf(sessionPlace.sessionId) : rows;
  await takeBackParts(deps.sessions, session, all.find(isWaiting)?.chunk_number);
  return all;
}

const isWaiting = ({ state }: ChunkRow): boolean => state === 'pending' || state === 'leased';

/** Queues the unfinished chunks of a live session in the lane `stop`; returns their number. Other sessions wait for the batch. */
export async function queueUnfinished(
  deps: Pick<IngestDeps, 'chunks' | 'queue' | 'wake' | 'nowMs'>,
  session: SessionRow,
  rows: readonly ChunkRow[],
): Promise<number> {
  if (!isLive(session)) return 0;
  // Leased chunks get a message too. If the worker has died, the new message is visible earlier than the one that it received.
  const waiting = rows.filter(isWaiting);
  await sendInto(deps, laneAfterStop(session), waiting, deps.nowMs());
  if (waiting.length > 0) await deps.wake();
  return waiting.length;
}
