import type { SessionRow } from '../contracts/rows.ts';

interface Page<T> {
  readonly items: readonly T[];
  /** Opaque; hand it back to get the next page. */
  readonly cursor?: string;
}

interface WrittenTranscript {
  readonly status: 'completed' | 'partial';
  /** Fingerprint of the rows it was made of. */
  readonly madeOf: string;
  readonly writtenAtMs: number;
}

export interface SessionStore {
  /** False when a session of this id is there already. */
  create(row: SessionRow): Promise<boolean>;
  get(sessionId: string): Promise<SessionRow | undefined>;
  /** Newest first. @throws DomainError `malformed` on a cursor that is not one of ours. */
  listOf(userId: string, limit: number, cursor?: string): Promise<Page<SessionRow>>;
  /** Sets the final number of chunks; said again with another number, the newest counts. False when it is deleted. */
  complete(sessionId: string, chunkCount: number, nowMs: number): Promise<boolean>;
  /** False when the session is deleted. */
  recordTranscript(sessionId: string, written: WrittenTranscript): Promise<boolean>;
  /** Notes a version of edits; an older one than is known changes nothing. */
  noteEdits(sessionId: string, version: number): Promise<void>;
  /** Leaves a tombstone without anything that a person said. */
  markDeleted(session: SessionRow, nowMs: number, purgeAgainAtMs: number): Promise<void>;
  /** Sessions whose time has come, the longest due first. */
  listDue(nowMs: number, limit: number): Promise<SessionRow[]>;
  /** Moves a due time, or takes it away; nothing happens when it is not the known one any more. */
  setDue(session: SessionRow, dueAtMs: number | undefined): Promise<void>;
  /** Completes a recording of which nothing was heard; false when somebody did anything meanwhile. */
  closeAbandoned(session: SessionRow, chunkCount: number, nowMs: number): Promise<boolean>;
}
