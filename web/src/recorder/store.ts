/**
 * What was recorded, on this device: every second of it is here before it is sent, and stays until the server has decoded its chunk.
 *
 * Three stores: recordings; chunks by [recording, number]; parts of chunks (one for each second or so) by [recording, number, index].
 * Gotcha: a device may have no room left. What cannot be stored is kept in memory, and `isShort` says so.
 */
import { signal } from '@preact/signals';
import { type DBSchema, type IDBPDatabase, openDB } from 'idb';

export interface Recording {
  readonly id: string;
  readonly userId: string;
  readonly title: string;
  readonly language?: string | undefined;
  readonly live: boolean;
  readonly diarize: boolean;
  readonly startedAtMs: number;
  /** Known as soon as the server could be reached. */
  readonly sessionId?: string | undefined;
  /** `recording` -> `stopped` (no more chunks) -> `completed` (the server knows how many there are). */
  readonly phase: 'recording' | 'stopped' | 'completed';
  /** Why nothing more can be sent, where that is so. */
  readonly lost?: string | undefined;
}

export interface Chunk {
  readonly recordingId: string;
  /** Chunk number, from 1. */
  readonly n: number;
  readonly contentType: string;
  readonly startedAtMs: number;
  readonly durationSeconds?: number | undefined;
  /** How much of the chunk before this one holds too. */
  readonly overlapMs?: number | undefined;
  /** `recording` -> `recorded` -> `sent` -> `done` (decoded: its parts are gone) or `failed`. */
  readonly state: 'recording' | 'recorded' | 'sent' | 'done' | 'failed';
  readonly error?: string | undefined;
  /** The server has seen it. */
  readonly isKnown?: true | undefined;
}

interface Part {
  readonly recordingId: string;
  readonly n: number;
  readonly index: number;
  readonly data: Blob;
}

interface Schema extends DBSchema {
  recordings: { key: string; value: Recording };
  chunks: { key: [string, number]; value: Chunk };
  parts: { key: [string, number, number]; value: Part };
}

let opened: Promise<IDBPDatabase<Schema>> | undefined;
const database = (): Promise<IDBPDatabase<Schema>> => {
  opened ??= openDB<Schema>('chunkscribe-recordings', 1, {
    upgrade(db) {
      db.createObjectStore('recordings', { keyPath: 'id' });
      db.createObjectStore('chunks', { keyPath: ['recordingId', 'n'] });
      db.createObjectStore('parts', { keyPath: ['recordingId', 'n', 'index'] });
    },
    terminated() {
      opened = undefined;
    },
  });
  return opened;
};

/** The device has no room for more: what comes is in memory only. */
export const isShort = signal(false);
const inMemory = new Map<string, Part[]>();
const memoryKey = (recordingId: string, n: number): string => `${recordingId}/${n}`;

const ofRecording = (id: string): IDBKeyRange => IDBKeyRange.bound([id], [id, []]);
const ofChunk = (id: string, n: number): IDBKeyRange => IDBKeyRange.bound([id, n], [id, n, []]);

export const putRecording = async (recording: Recording): Promise<void> =>
  void (await (await database()).put('recordings', recording));
export const recordingOf = async (id: string): Promise<Recording | undefined> => (await database()).get('recordings', id);
export const recordingsOf = async (userId: string): Promise<Recording[]> =>
  (await (await database()).getAll('recordings'))
    .filter((recording) => recording.userId === userId)
    .sort((a, b) => a.startedAtMs - b.startedAtMs);

/** Changes a recording as it is now; undefined when it is gone. */
export async function changeRecording(id: string, change: Partial<Recording>): Promise<Recording | undefined> {
  const tx = (await database()).transaction('recordings', 'readwrite');
  const was = await tx.store.get(id);
  const now = was && { ...was, ...change };
  if (now !== undefined) await tx.store.put(now);
  await tx.done;
  return now;
}

export const putChunk = async (chunk: Chunk): Promise<void> => void (await (await database()).put('chunks', chunk));
/** In the order of their numbers. */
export const chunksOf = async (recordingId: string): Promise<Chunk[]> =>
  (await database()).getAll('chunks', ofRecording(recordingId));

export async function changeChunk(recordingId: string, n: number, change: Partial<Chunk>): Promise<void> {
  const tx = (await database()).transaction('chunks', 'readwrite');
  const was = await tx.store.get([recordingId, n]);
  if (was !== undefined) await tx.store.put({ ...was, ...change });
  await tx.done;
}

export async function addPart(part: Part): Promise<void> {
  try {
    await (await database()).put('parts', part);
  } catch {
    isShort.value = true;
    const key = memoryKey(part.recordingId, part.n);
    inMemory.set(key, [...(inMemory.get(key) ?? []), part]);
  }
}

/** The audio of a chunk, as far as it is there. */
export async function audioOf({ recordingId, n, contentType }: Chunk): Promise<Blob> {
  const stored = await (await database()).getAll('parts', ofChunk(recordingId, n));
  const parts = [...stored, ...(inMemory.get(memoryKey(recordingId, n)) ?? [])].sort((a, b) => a.index - b.index);
  return new Blob(
    parts.map(({ data }) => data),
    { type: contentType },
  );
}

/** Lets go of a chunk's audio, which the server has decoded or a person does not want. */
export async function dropAudio(recordingId: string, n: number, change: Partial<Chunk>): Promise<void> {
  const tx = (await database()).transaction(['chunks', 'parts'], 'readwrite');
  await tx.objectStore('parts').delete(ofChunk(recordingId, n));
  const was = await tx.objectStore('chunks').get([recordingId, n]);
  if (was !== undefined) await tx.objectStore('chunks').put({ ...was, ...change });
  await tx.done;
  inMemory.delete(memoryKey(recordingId, n));
}

export async function dropChunk(recordingId: string, n: number): Promise<void> {
  await dropAudio(recordingId, n, {});
  await (await database()).delete('chunks', [recordingId, n]);
}

export async function dropRecording(id: string): Promise<void> {
  const tx = (await database()).transaction(['recordings', 'chunks', 'parts'], 'readwrite');
  await Promise.all([
    tx.objectStore('recordings').delete(id),
    tx.objectStore('chunks').delete(ofRecording(id)),
    tx.objectStore('parts').delete(ofRecording(id)),
  ]);
  await tx.done;
  for (const key of inMemory.keys()) if (key.startsWith(`${id}/`)) inMemory.delete(key);
}
