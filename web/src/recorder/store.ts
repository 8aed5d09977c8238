/**
 * Stores recordings on this device (IndexedDB). Audio is stored every second before it is uploaded, and stays until the server
 * has decoded its chunk.
 *
 * Three stores: recordings; chunks by [recording, number]; parts of chunks (about one per second) by [recording, number, index].
 * Gotcha: the device may be full. Parts that cannot be stored are kept in memory, and `isStorageFull` is set.
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
  readonly minSpeakers?: number | undefined;
  readonly maxSpeakers?: number | undefined;
  /** Whether the microphone and the computer are separate channels. */
  readonly channels?: 'separate' | undefined;
  /** Undefined: the user's defaults. */
  readonly prompt?: string | undefined;
  readonly hotwords?: string | undefined;
  readonly startedAtMs: number;
  /** Undefined until the server could be reached. */
  readonly sessionId?: string | undefined;
  /** `recording` -> `stopped` (no more chunks) -> `completed` (the server knows how many there are). */
  readonly phase: 'recording' | 'stopped' | 'completed';
  /** Why nothing more can be uploaded. */
  readonly lost?: string | undefined;
  /** Number of the first chunk, if the recording goes on with an earlier session. */
  readonly firstNumber?: number | undefined;
  /** How often the session had gone on when this recording began; undefined in recordings of older pages. */
  readonly resumptions?: number | undefined;
  /** The title has changed since the server got it. */
  readonly isTitleNew?: boolean | undefined;
  readonly notes?: readonly RecordingNote[] | undefined;
}

/** A note at a time of the recording. */
export interface RecordingNote {
  readonly id: string;
  readonly text: string;
  readonly kind: 'note' | 'interruption';
  /** How long an interruption took. */
  readonly lostSeconds?: number | undefined;
  readonly chunkNumber: number;
  /** Seconds from the chunk's beginning. */
  readonly seconds: number;
  /** Seconds from the recording's beginning, as the recorder shows them. */
  readonly at: number;
  /** The server has it. */
  readonly isSent?: true | undefined;
}

export interface Chunk {
  readonly recordingId: string;
  /** Chunk number, from 1. */
  readonly n: number;
  readonly contentType: string;
  readonly startedAtMs: number;
  readonly durationSeconds?: number | undefined;
  /** Overlap with the previous chunk. */
  readonly overlapMs?: number | undefined;
  /** `recording` -> `recorded` -> `sent` -> `done` (decoded, its parts are deleted) or `failed`. */
  readonly state: 'recording' | 'recorded' | 'sent' | 'done' | 'failed';
  readonly error?: string | undefined;
  /** The server has a row for it. */
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

/** The device is full: new audio is only in memory. */
export const isStorageFull = signal(false);
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

/** Changes a stored recording and returns it; undefined when it no longer exists. */
export async function changeRecording(
  id: string,
  change: Partial<Recording> | ((old: Recording) => Partial<Recording>),
): Promise<Recording | undefined> {
  const tx = (await database()).transaction('recordings', 'readwrite');
  const old = await tx.store.get(id);
  const changed = old && { ...old, ...(typeof change === 'function' ? change(old) : change) };
  if (changed !== undefined) await tx.store.put(changed);
  await tx.done;
  return changed;
}

/** Writes a note of a recording, or replaces the one with its id. */
export const putNote = (recordingId: string, note: RecordingNote): Promise<Recording | undefined> =>
  changeRecording(recordingId, ({ notes = [] }) => ({ notes: [...notes.filter(({ id }) => id !== note.id), note] }));

export const putChunk = async (chunk: Chunk): Promise<void> => void (await (await database()).put('chunks', chunk));
/** Sorted by number. */
export const chunksOf = async (recordingId: string): Promise<Chunk[]> =>
  (await database()).getAll('chunks', ofRecording(recordingId));

export async function changeChunk(recordingId: string, n: number, change: Partial<Chunk>): Promise<void> {
  const tx = (await database()).transaction('chunks', 'readwrite');
  const old = await tx.store.get([recordingId, n]);
  if (old !== undefined) await tx.store.put({ ...old, ...change });
  await tx.done;
}

export async function addPart(part: Part): Promise<void> {
  try {
    await (await database()).put('parts', part);
  } catch {
    isStorageFull.value = true;
    const key = memoryKey(part.recordingId, part.n);
    inMemory.set(key, [...(inMemory.get(key) ?? []), part]);
  }
}

/** The stored audio of a chunk; may be empty. */
export async function audioOf({ recordingId, n, contentType }: Chunk): Promise<Blob> {
  const stored = await (await database()).getAll('parts', ofChunk(recordingId, n));
  const parts = [...stored, ...(inMemory.get(memoryKey(recordingId, n)) ?? [])].sort((a, b) => a.index - b.index);
  return new Blob(
    parts.map(({ data }) => data),
    { type: contentType },
  );
}

/** Deletes the audio of a chunk and changes its row. */
export async function dropAudio(recordingId: string, n: number, change: Partial<Chunk>): Promise<void> {
  const tx = (await database()).transaction(['chunks', 'parts'], 'readwrite');
  await tx.objectStore('parts').delete(ofChunk(recordingId, n));
  const old = await tx.objectStore('chunks').get([recordingId, n]);
  if (old !== undefined) await tx.objectStore('chunks').put({ ...old, ...change });
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
