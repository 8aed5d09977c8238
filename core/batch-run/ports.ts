import type { BatchStateRow, RunRow } from '../contracts/batch.ts';
import type { BatchReport, ListedChunk, PendingJobs } from '../contracts/report.ts';
import type { ChunkRow } from '../contracts/rows.ts';
import type { ChunkTranscript } from '../contracts/transcript.ts';

/** A change of batch rows in one transaction; it fails when a row has changed since it was read. */
export interface BatchChange {
  readonly state?: { readonly from: BatchStateRow; readonly to: BatchStateRow };
  /** Omit `from` for a new run. */
  readonly run?: { readonly from?: RunRow; readonly to: RunRow };
}

/** Rows of runs. Reads are strongly consistent. */
export interface BatchStore {
  readState(): Promise<BatchStateRow>;
  readRun(runId: string): Promise<RunRow | undefined>;
  /** Newest first. `before`: only runs whose id sorts before this one. */
  listRuns(limit: number, before?: string): Promise<RunRow[]>;
  commit(change: BatchChange): Promise<'committed' | 'conflict'>;
}

/** An object as S3 lists it. */
export interface ListedObject {
  readonly key: string;
  readonly etag: string;
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
}

/** The objects in the bucket, read without relying on events. */
export interface BucketListing {
  users(): Promise<string[]>;
  /** A user's objects in the order of their keys, page by page. `after`: only keys greater than this one. */
  objectsOf(userId: string, after?: string): AsyncIterable<readonly ListedObject[]>;
}

/** Files of runs. Clients receive their contents from the batch API only, never by presigned URL. */
export interface RunFiles {
  writeChunks(runId: string, chunks: readonly ListedChunk[]): Promise<void>;
  readChunks(runId: string): Promise<readonly ListedChunk[]>;
  writePending(pending: PendingJobs): Promise<void>;
  readPending(): Promise<PendingJobs | undefined>;
  writeReport(runId: string, report: BatchReport): Promise<void>;
  readReport(runId: string): Promise<BatchReport | undefined>;
}

/** Canonical results of chunks. */
export interface CanonicalResults {
  /** Undefined when the result is missing, empty or broken. */
  readCanonical(row: ChunkRow): Promise<ChunkTranscript | undefined>;
}
