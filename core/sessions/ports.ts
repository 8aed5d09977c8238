import type { RecordingDefaults } from '../contracts/http.ts';
import type { SessionRow } from '../contracts/rows.ts';
import type { Page } from '../page.ts';

/** What a session's row records of its transcript. */
interface WrittenTranscript {
  readonly status: 'completed' | 'partial';
  /** Fingerprint of the rows that the transcript is made of. */
  readonly madeOf: string;
  readonly writtenAtMs: number;
  /** Number of the retranscription that the transcript is made of. */
  readonly retranscription?: number | undefined;
  /** How often the recording had gone on when the transcript was made. */
  readonly resumptions?: number | undefined;
}

/** A recording that goes on. */
interface Resumption {
  /** Idempotency key. */
  readonly by: string | undefined;
  readonly dueAtMs: number;
}

/** A request to transcribe a session again. */
interface Retranscription {
  /** Undefined: detected. */
  readonly language: string | undefined;
  /** Undefined: the stage's default. */
  readonly model: string | undefined;
  readonly nowMs: number;
  readonly dueAtMs: number;
}

/** Rows of sessions. */
export interface SessionStore {
  /** False when a session with this id exists. */
  create(row: SessionRow): Promise<boolean>;
  get(sessionId: string): Promise<SessionRow | undefined>;
  /** Newest first. @throws DomainError `malformed` for an invalid cursor */
  listOf(userId: string, limit: number, cursor?: string): Promise<Page<SessionRow>>;
  /** Sets the final number of chunks; a later call overwrites it. False when the session is deleted. */
  complete(sessionId: string, chunkCount: number, nowMs: number): Promise<boolean>;
  /** A completed session records again, and has no transcript; false when its state or resumptions differ from those read. */
  resume(session: SessionRow, resumption: Resumption): Promise<boolean>;
  /** Sets or removes (undefined) the title; false when the session is deleted. */
  rename(sessionId: string, title: string | undefined): Promise<boolean>;
  /** False when the session is deleted, or records again. */
  recordTranscript(sessionId: string, written: WrittenTranscript): Promise<boolean>;
  /** Records that outcomes or texts of chunks have changed; false when the session is deleted. */
  noteTextChanged(sessionId: string): Promise<boolean>;
  /** Lowers the number of settled chunks to at most this one. @see settled.ts */
  unsettle(sessionId: string, settled: number): Promise<void>;
  /** Changes the number of settled chunks from `was`; false when it is another one by now. */
  settle(sessionId: string, was: number, settled: number): Promise<boolean>;
  /** Records a version of the edits; does nothing for an older version than the recorded one. */
  noteEdits(sessionId: string, version: number): Promise<void>;
  /** Replaces the row by a tombstone without user content. */
  markDeleted(session: SessionRow, nowMs: number, purgeAgainAtMs: number): Promise<void>;
  /** Due sessions, longest overdue first. */
  listDue(nowMs: number, limit: number): Promise<SessionRow[]>;
  /** Changes or removes the due time; does nothing when it has changed since the session was read. */
  setDue(session: SessionRow, dueAtMs: number | undefined): Promise<void>;
  /** Starts the next retranscription of a completed session; false when another one has started since the session was read. */
  retranscribe(session: SessionRow, change: Retranscription): Promise<boolean>;
  /** Records that all chunks of this retranscription are queued, and removes the due time. */
  noteRequeued(session: SessionRow): Promise<void>;
  /** Completes an abandoned recording; false when the session has changed since it was read. */
  closeAbandoned(session: SessionRow, chunkCount: number, nowMs: number): Promise<boolean>;
}

/** What users have set for all of their recordings. */
export interface RecordingDefaultsStore {
  /** Empty if nothing is set. */
  get(userId: string): Promise<RecordingDefaults>;
  put(userId: string, defaults: RecordingDefaults): Promise<void>;
}
