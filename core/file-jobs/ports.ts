import type { ChunkStore, WorkQueue } from '../chunk-cache/ports.ts';
import type { JobRow, JobState, Manifest } from '../contracts/jobs.ts';
import type { ChunkTranscript, StoredFileTranscript } from '../contracts/transcript.ts';
import type { Page } from '../page.ts';
import type { StoredEdits, UserChanges } from '../transcripts/outcomes.ts';

/** The job that a request with an Idempotency-Key created. */
export interface IdempotencyRecord {
  readonly jobId: string;
  /** Fingerprint of the request. */
  readonly request: string;
}

export interface JobStore {
  /** False if a job with this id exists. */
  create(row: JobRow): Promise<boolean>;
  get(jobId: string): Promise<JobRow | undefined>;
  /** Replaces `was` with `now`, whose `version` is one higher; false if the stored version is not that of `was`. */
  replace(was: JobRow, now: JobRow): Promise<boolean>;
  /** Newest first, without deleted ones. @throws DomainError `malformed` for an invalid cursor */
  listOf(userId: string, limit: number, cursor?: string, status?: JobState): Promise<Page<JobRow>>;
  countOpen(userId: string): Promise<number>;
  /** Jobs whose `due_at_ms` has passed, earliest first. */
  listDue(nowMs: number, limit: number): Promise<JobRow[]>;
  /** Open jobs that were resumed and have made no progress since. */
  listStuck(limit: number): Promise<JobRow[]>;
  /** Stores the record of a key unless there is one; returns the stored record. */
  remember(key: string, record: IdempotencyRecord, expiresAtMs: number): Promise<IdempotencyRecord>;
  /**
   * Makes `jobId` the owner of a content that has no owner or is owned by `instead`, and adds it to the jobs that share it.
   * Returns the owner, which does the work. If `MAX_SHARING_JOBS` others share the content, returns `jobId` itself.
   */
  claimContent(contentId: string, jobId: string, instead?: string): Promise<string>;
  /** Ids of all jobs that share this content. */
  jobsSharing(contentId: string): Promise<string[]>;
}

interface UploadedFile {
  readonly etag: string;
  readonly sizeBytes: number;
}

/** Uploaded files and the objects made from them. */
export interface FileObjects {
  head(key: string): Promise<UploadedFile | undefined>;
  readManifest(key: string): Promise<Manifest>;
  readResult(key: string): Promise<ChunkTranscript>;
  /** Undefined if it does not exist. */
  readTranscript(job: JobRow): Promise<StoredFileTranscript | undefined>;
  writeTranscript(job: JobRow, transcript: StoredFileTranscript): Promise<void>;
  /** What the user has changed in the transcript; undefined: nothing. */
  readEdits(job: JobRow): Promise<StoredEdits | undefined>;
  /** Replaces the object with this tag (undefined: none); false if it is not the current one. */
  writeEdits(job: JobRow, changes: UserChanges, replaces: string | undefined): Promise<boolean>;
  /** Replaces the uploaded file with the compressed copy at `key`; returns the new key of the file. */
  keepCompressed(job: JobRow, key: string): Promise<string>;
  /** Removes intermediate results. */
  removeResults(job: JobRow): Promise<void>;
  /** Removes all objects of a job. */
  removeAll(job: JobRow): Promise<void>;
}

export interface UploadPart {
  readonly partNumber: number;
  readonly sizeBytes: number;
  readonly etag: string;
}

/** Multipart uploads of S3. */
export interface PartUploads {
  begin(key: string, contentType: string): Promise<string>;
  list(key: string, uploadId: string): Promise<UploadPart[]>;
  /** False if the upload does not exist, because it is complete or aborted. */
  complete(key: string, uploadId: string, parts: readonly UploadPart[]): Promise<boolean>;
  abort(key: string, uploadId: string): Promise<void>;
}

export interface JobDeps {
  readonly jobs: JobStore;
  readonly chunks: Pick<ChunkStore, 'insert' | 'replace' | 'listOf' | 'removeRows' | 'noteQueued'>;
  readonly files: FileObjects;
  readonly uploads: PartUploads;
  readonly queue: WorkQueue;
  readonly wake: () => Promise<void>;
  /** Counts an ended job in the statistics. */
  readonly noteEnd: (job: JobRow) => Promise<void>;
  /** Counts seconds of audio against the user's daily quota. */
  readonly countSeconds: (userId: string, seconds: number) => Promise<void>;
  readonly nowMs: () => number;
}
