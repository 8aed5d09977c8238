import type { BatchStateRow, RunRow } from '../contracts/batch.ts';
import type { BatchReport, ListedChunk, PendingJobs } from '../contracts/report.ts';
import type { ChunkRow } from '../contracts/rows.ts';
import type { ChunkTranscript } from '../contracts/transcript.ts';

/** A change from what was read to what shall be; it happens whole, or not at all when anybody wrote in between. */
export interface BatchChange {
  readonly state?: { readonly from: BatchStateRow; readonly to: BatchStateRow };
  /** Without `from` the run is a new one. */
  readonly run?: { readonly from?: RunRow; readonly to: RunRow };
}

/** Rows of runs. Reads are strongly consistent. */
export interface BatchStore {
  readState(): Promise<BatchStateRow>;
  readRun(runId: string): Promise<RunRow | undefined>;
  /** Newest first. */
  listRuns(limit: number, before?: string): Promise<RunRow[]>;
  commit(change: BatchChange): Promise<'committed' | 'conflict'>;
}

/** An object as a listing tells it. */
export interface ListedObject {
  readonly key: string;
  readonly etag: string;
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
}

/** The bucket as it is, whoever was told of what is in it. */
export interface BucketListing {
  users(): Promise<string[]>;
  /** A user's objects in the order of their keys, page by page; `after`: only keys behind this one. */
  objectsOf(userId: string, after?: string): AsyncIterable<readonly ListedObject[]>;
}

/** Files of runs; readable by admins only, and by nobody through an address of their own. */
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
  /** Undefined when it is missing, empty or broken. */
  readCanonical(row: ChunkRow): Promise<ChunkTranscript | undefined>;
}
