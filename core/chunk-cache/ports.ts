import type { ChunkPlace, SessionPlace } from '../contracts/keys.ts';
import type { Lane } from '../contracts/lanes.ts';
import type { ChunkRow } from '../contracts/rows.ts';
import type { ChunkDeclaration } from '../signing.ts';

/** Rows of chunks. */
export interface ChunkStore {
  get(sessionId: string, chunkNumber: number): Promise<ChunkRow | undefined>;
  /** All rows of a session by chunk number, strongly consistent. */
  listOf(sessionId: string): Promise<ChunkRow[]>;
  /** The rows from number `from` to `to`, strongly consistent; without `to`, all from `from` on. */
  listFrom(sessionId: string, from: number, to?: number): Promise<ChunkRow[]>;
  /** The first `count` rows from number `from` on, strongly consistent. */
  listSome(sessionId: string, from: number, count: number): Promise<ChunkRow[]>;
  /** Whether a chunk from this number on is pending or leased. Reads up to the first one only. */
  hasWaiting(sessionId: string, from: number): Promise<boolean>;
  /** Writes an initial row; returns the existing row if there is one. */
  insert(row: ChunkRow): Promise<{ readonly kind: 'inserted' } | { readonly kind: 'exists'; readonly row: ChunkRow }>;
  /** Replaces `was` with `row`; false when the stored row has another fence or ETag than `was`. */
  replace(was: ChunkRow, row: ChunkRow): Promise<boolean>;
  /** Lets an object under another key replace the chunk. */
  allowReplacement(sessionId: string, chunkNumber: number): Promise<void>;
  /** Records that a message was sent, and its lane. Does nothing unless the row is pending. */
  noteQueued(row: ChunkRow, lane: Lane, nowMs: number): Promise<void>;
  /** Gives a dead row three new attempts; false when it is no longer dead. */
  revive(row: ChunkRow, lane: Lane, nowMs: number): Promise<boolean>;
  /** Removes a result that is missing or broken, and makes the row pending with a new fence; false when it has changed. */
  reset(row: ChunkRow, lane: Lane, nowMs: number): Promise<boolean>;
  /** Makes an unleased row pending again; its result stays until the new one is written. False when the row has changed. */
  transcribeAgain(row: ChunkRow, again: RetranscriptionOptions, lane: Lane, nowMs: number): Promise<boolean>;
  /** Puts an unfinished row back into the pending index. */
  index(row: ChunkRow): Promise<void>;
  /** The existing rows among these, in any order. */
  getMany(places: readonly Pick<ChunkPlace, 'sessionId' | 'chunkNumber'>[]): Promise<ChunkRow[]>;
  /** Removes these rows, except those that are done by now. */
  removeRows(rows: readonly ChunkRow[]): Promise<void>;
  /** Removes all rows of a session. */
  removeAll(sessionId: string): Promise<void>;
  /** Records the corrected text of this result; does nothing when the row has changed. */
  noteCorrected(row: ChunkRow, corrected: Corrected): Promise<void>;
  /** Unfinished rows, at most `limit` per shard, oldest upload first within a shard. */
  listPending(limit: number): Promise<ChunkRow[]>;
  /** Dead rows, newest upload first. */
  listDead(limit: number): Promise<ChunkRow[]>;
  /** All unfinished rows. */
  listAllPending(): Promise<ChunkRow[]>;
}

/** The retranscription that a row joins. */
interface RetranscriptionOptions {
  readonly number: number;
  /** Undefined: detected. */
  readonly language: string | undefined;
  /** Undefined: the stage's default. */
  readonly model: string | undefined;
}

interface Corrected {
  readonly text: string;
  readonly wordCounts: Readonly<Record<string, number>>;
  readonly version: number;
}

/** An object in the bucket. */
export interface StoredObject {
  readonly key: string;
  readonly etag: string;
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
  /** Undefined in a listing. */
  readonly declared?: ChunkDeclaration | undefined;
}

/** Uploaded audio and the results stored next to it. */
export interface ChunkObjects {
  head(key: string): Promise<StoredObject | undefined>;
  /** Chunk objects of one session, read without relying on events. */
  listChunks(place: SessionPlace): Promise<{ readonly place: ChunkPlace; readonly object: StoredObject }[]>;
  remove(key: string): Promise<void>;
  /** Removes all objects of a session, uploads and results. */
  removeAll(place: SessionPlace): Promise<void>;
}

/** The queues of the lanes. */
export interface WorkQueue {
  send(lane: Lane, sessionId: string, chunkNumber: number): Promise<void>;
  /** Sends in this order, as far as the queue preserves order. */
  sendMany(lane: Lane, chunks: readonly { readonly sessionId: string; readonly chunkNumber: number }[]): Promise<void>;
}
