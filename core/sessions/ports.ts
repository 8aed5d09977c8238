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
  /** Sets the final number of chunks; said again with another number, the newest counts. */
  complete(sessionId: string, chunkCount: number, nowMs: number): Promise<void>;
  recordTranscript(sessionId: string, written: WrittenTranscript): Promise<void>;
}
