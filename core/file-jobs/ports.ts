import type { ChunkStore, WorkQueue } from '../chunk-cache/ports.ts';
import type { JobRow, JobState, Manifest } from '../contracts/jobs.ts';
import type { ChunkTranscript, FileTranscript } from '../contracts/transcript.ts';

interface Page<T> {
  readonly items: readonly T[];
  readonly cursor?: string;
}

/** What a user's request with this key made. */
export interface Remembered {
  readonly jobId: string;
  /** Fingerprint of the request. */
  readonly request: string;
}

export interface JobStore {
  /** False when a job of this id is there already. */
  create(row: JobRow): Promise<boolean>;
  get(jobId: string): Promise<JobRow | undefined>;
  /** Puts `now` in the place of `was`; false when that has moved on. `now.version` is one more. */
  replace(was: JobRow, now: JobRow): Promise<boolean>;
  /** Newest first, without deleted ones. @throws DomainError `malformed` on a cursor that is not one of ours */
  listOf(userId: string, limit: number, cursor?: string, status?: JobState): Promise<Page<JobRow>>;
  countOpen(userId: string): Promise<number>;
  /** Jobs whose time has come, the longest due first. */
  listDue(nowMs: number, limit: number): Promise<JobRow[]>;
  /** Open jobs that were resumed because nothing had moved, and have not moved since. */
  listStuck(limit: number): Promise<JobRow[]>;
  /** Keeps what a key made, unless it has made something already: then answers that. */
  remember(key: string, made: Remembered, expiresAtMs: number): Promise<Remembered>;
  /** The job that does the work for this content: `jobId` in the place of `instead`, or whoever has it already. Notes who asked. */
  claimContent(contentId: string, jobId: string, instead?: string): Promise<string>;
  /** Everybody who asked for this content. */
  askersOf(contentId: string): Promise<string[]>;
}

interface UploadedFile {
  readonly etag: string;
  readonly sizeBytes: number;
}

/** Uploaded files and what is made of them. */
export interface FileObjects {
  head(key: string): Promise<UploadedFile | undefined>;
  readManifest(key: string): Promise<Manifest>;
  readResult(key: string): Promise<ChunkTranscript>;
  /** Undefined when it is gone. */
  readTranscript(job: JobRow): Promise<FileTranscript | undefined>;
  writeTranscript(job: JobRow, transcript: FileTranscript): Promise<void>;
  /** Makes the compressed copy the file that is kept, and the uploaded one go; answers its key. */
  keepCompressed(job: JobRow, key: string): Promise<string>;
  /** Removes what workers have made on the way. */
  removeResults(job: JobRow): Promise<void>;
  /** Removes everything of a job. */
  removeAll(job: JobRow): Promise<void>;
}

export interface UploadPart {
  readonly partNumber: number;
  readonly sizeBytes: number;
  readonly etag: string;
}

/** Uploads in parts, of which S3 keeps what is there. */
export interface PartUploads {
  begin(key: string, contentType: string): Promise<string>;
  list(key: string, uploadId: string): Promise<UploadPart[]>;
  /** False when S3 knows no such upload any more: it is complete, or aborted. */
  complete(key: string, uploadId: string, parts: readonly UploadPart[]): Promise<boolean>;
  abort(key: string, uploadId: string): Promise<void>;
}

export interface JobDeps {
  readonly jobs: JobStore;
  readonly chunks: Pick<ChunkStore, 'insert' | 'listOf' | 'removeRows' | 'noteQueued'>;
  readonly files: FileObjects;
  readonly uploads: PartUploads;
  readonly queue: WorkQueue;
  readonly wake: () => Promise<void>;
  /** Counts how the job went. */
  readonly noteEnd: (job: JobRow) => Promise<void>;
  /** Counts seconds of audio against what a user may have transcribed in a day. */
  readonly countSeconds: (userId: string, seconds: number) => Promise<void>;
  readonly nowMs: () => number;
}
