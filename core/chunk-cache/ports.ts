import type { ChunkPlace, SessionPlace } from '../contracts/keys.ts';
import type { Lane } from '../contracts/lanes.ts';
import type { ChunkRow } from '../contracts/rows.ts';

export interface ChunkStore {
  get(sessionId: string, chunkNumber: number): Promise<ChunkRow | undefined>;
  /** All rows of a session by chunk number, strongly consistent. */
  listOf(sessionId: string): Promise<ChunkRow[]>;
  /** Writes a first row; the row that is there already otherwise. */
  insert(row: ChunkRow): Promise<{ readonly kind: 'inserted' } | { readonly kind: 'exists'; readonly row: ChunkRow }>;
  /** Puts `row` in the place of the row with this fence and etag; false when that one has moved on. */
  replace(was: ChunkRow, row: ChunkRow): Promise<boolean>;
  allowReplacement(sessionId: string, chunkNumber: number): Promise<void>;
  /** Notes that a message was sent, in which lane; nothing happens to rows that wait no more. */
  noteQueued(row: ChunkRow, lane: Lane, nowMs: number): Promise<void>;
  /** Gives a dead row three new attempts; false when it is not dead any more. */
  revive(row: ChunkRow, lane: Lane, nowMs: number): Promise<boolean>;
  /** Takes a result away that is gone or broken: the chunk waits again, with a new fence; false when it has moved on. */
  reset(row: ChunkRow, lane: Lane, nowMs: number): Promise<boolean>;
  /** Puts a row that waits back into the pending index. */
  index(row: ChunkRow): Promise<void>;
  /** Those of these rows that are there, in any order. */
  getMany(places: readonly Pick<ChunkPlace, 'sessionId' | 'chunkNumber'>[]): Promise<ChunkRow[]>;
  /** Removes these rows, unless they are done meanwhile. */
  removeRows(rows: readonly ChunkRow[]): Promise<void>;
  /** Removes all rows of a session. */
  removeAll(sessionId: string): Promise<void>;
  /** Notes corrected text of these very results; nothing happens when the row has moved on. */
  noteCorrected(row: ChunkRow, corrected: Corrected): Promise<void>;
  /** Rows that wait for a result, oldest upload first within a shard. */
  listPending(limit: number): Promise<ChunkRow[]>;
  /** Rows that are given up, newest upload first. */
  listDead(limit: number): Promise<ChunkRow[]>;
  /** All rows that wait for a result. */
  listAllPending(): Promise<ChunkRow[]>;
}

interface Corrected {
  readonly text: string;
  readonly wordCounts: Readonly<Record<string, number>>;
  readonly version: number;
}

/** What the recorder said of a chunk when it asked for the upload's address. */
export interface SaidOfChunk {
  readonly durationSeconds?: number | undefined;
  readonly startedAtMs?: number | undefined;
  readonly overlapMs?: number | undefined;
}

export interface StoredObject {
  readonly key: string;
  readonly etag: string;
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
  /** Unknown from a listing. */
  readonly said?: SaidOfChunk | undefined;
}

/** Uploaded audio, and results beside it. */
export interface ChunkObjects {
  head(key: string): Promise<StoredObject | undefined>;
  /** Chunk objects of one session, whether anybody was told of them or not. */
  listChunks(place: SessionPlace): Promise<{ readonly place: ChunkPlace; readonly object: StoredObject }[]>;
  remove(key: string): Promise<void>;
  /** Removes everything of a session, uploads and results. */
  removeAll(place: SessionPlace): Promise<void>;
}

export interface WorkQueue {
  send(lane: Lane, sessionId: string, chunkNumber: number): Promise<void>;
  /** In this order, as far as the queue keeps one. */
  sendMany(lane: Lane, chunks: readonly { readonly sessionId: string; readonly chunkNumber: number }[]): Promise<void>;
}
