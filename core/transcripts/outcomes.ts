/**
 * Reads the results of a session's chunks in few requests. Committed results never change, so most of them are stored together
 * in a bundle, and only the newest are read one by one. An outdated or lost bundle costs time only.
 */

import { createHash } from 'node:crypto';
import pMap from 'p-map';
import type { Edit, Edits } from '../contracts/edits.ts';
import { BUNDLE_EVERY } from '../contracts/limits.ts';
import type { ChunkRow, SessionRow } from '../contracts/rows.ts';
import type { Bundle, ChunkTranscript } from '../contracts/transcript.ts';
import type { ChunkOutcome } from './chunk-outcome.ts';

export interface ResultReader {
  readResult(resultKey: string): Promise<ChunkTranscript>;
  readBundle(session: SessionRow): Promise<Bundle | undefined>;
  writeBundle(session: SessionRow, bundle: Bundle): Promise<void>;
  readEdits(session: SessionRow): Promise<StoredEdits | undefined>;
}

/** A user's stored edits, and the ETag of their object. */
export interface StoredEdits extends Edits {
  readonly tag: string;
}

export const editsOf = async (store: ResultReader, session: SessionRow): Promise<readonly Edit[]> =>
  session.edits_version === undefined ? [] : ((await store.readEdits(session))?.edits ?? []);

const READS_AT_ONCE = 32;

/** Results by chunk number. A bundle that lacks many of them is rewritten. */
async function resultsOf(
  store: ResultReader,
  session: SessionRow,
  rows: readonly ChunkRow[],
): Promise<ReadonlyMap<number, ChunkTranscript>> {
  // A chunk whose retranscription failed keeps its previous result.
  const done = rows.filter((row) => hasOutcome(row) && row.result_key !== undefined);
  const bundle = done.length < BUNDLE_EVERY ? undefined : await store.readBundle(session);
  const bundled = new Map(bundle?.results.map(({ key, result }) => [key, result]));
  const found = new Map<number, ChunkTranscript>();
  const missing = done.filter((row) => {
    const result = bundled.get(row.result_key ?? '');
    if (result !== undefined) found.set(row.chunk_number, result);
    return result === undefined;
  });
  const read = async (row: ChunkRow): Promise<void> => {
    found.set(row.chunk_number, await store.readResult(row.result_key ?? ''));
  };
  await pMap(missing, read, { concurrency: READS_AT_ONCE });
  if (missing.length >= BUNDLE_EVERY) {
    const results = done.flatMap(({ chunk_number, result_key = '' }) => {
      const result = found.get(chunk_number);
      return result === undefined ? [] : [{ key: result_key, result }];
    });
    await store.writeBundle(session, { results });
  }
  return found;
}

/** Accepted range of overlaps computed from clocks, in seconds. A smaller overlap is jitter; a larger one, a changed clock. */
const [MIN_OVERLAP, MAX_OVERLAP] = [0.1, 5];

/** Audio at the beginning of `row` that is also the end of the previous chunk, in seconds. */
export function overlapOf(row: ChunkRow, before: ChunkRow | undefined): number | undefined {
  if (row.overlap_ms !== undefined) return row.overlap_ms / 1000;
  const seconds = before?.duration_seconds ?? before?.said_seconds;
  if (row.started_at_ms === undefined || before?.started_at_ms === undefined || seconds === undefined) return undefined;
  const overlap = (before.started_at_ms - row.started_at_ms) / 1000 + seconds;
  return overlap >= MIN_OVERLAP && overlap <= MAX_OVERLAP ? overlap : undefined;
}

/** Number of chunks. Chunks above the declared `chunk_count` arrived late and belong to the session too. */
const countOf = (session: SessionRow, rows: readonly ChunkRow[]): number =>
  Math.max(session.chunk_count ?? 0, rows.at(-1)?.chunk_number ?? 0);

/** Removes the lead-in if the previous chunk has been replaced since. */
function withCurrentLeadIn(result: ChunkTranscript, before: ChunkRow | undefined): ChunkTranscript {
  if (result.lead_in === undefined || result.lead_in.etag === before?.etag) return result;
  const { lead_in: _stale, ...own } = result;
  return own;
}

/** Outcomes of all chunk numbers of a session, in order. */
export async function outcomesOf(store: ResultReader, session: SessionRow, rows: readonly ChunkRow[]): Promise<ChunkOutcome[]> {
  const byNumber = new Map(rows.map((row) => [row.chunk_number, row]));
  const results = await resultsOf(store, session, rows);
  return Array.from({ length: countOf(session, rows) }, (_, index): ChunkOutcome => {
    const row = byNumber.get(index + 1);
    if (row === undefined) return { kind: 'missing' };
    const overlapSeconds = overlapOf(row, byNumber.get(index));
    const durationSeconds = row.duration_seconds ?? row.said_seconds;
    const result = results.get(row.chunk_number);
    if (result !== undefined)
      return { kind: 'transcribed', result: withCurrentLeadIn(result, byNumber.get(index)), overlapSeconds };
    if (row.state === 'dead') return { kind: 'failed', reason: row.error_message ?? 'failed', durationSeconds, overlapSeconds };
    return { kind: 'waiting', durationSeconds, overlapSeconds };
  });
}

/** Whether a chunk is transcribed or has failed permanently. */
const hasOutcome = ({ state }: ChunkRow): boolean => state === 'done' || state === 'dead';

/** Hash of everything that a transcript depends on. While it is unchanged, so is the transcript. */
export const fingerprint = (session: SessionRow, rows: readonly ChunkRow[], correctionsVersion: number): string =>
  createHash('sha256')
    .update(String([session.chunk_count, correctionsVersion, session.edits_version]))
    .update(rows.map((row) => `${row.chunk_number}:${hasOutcome(row) ? `${row.state}:${row.fence}` : 'waiting'}`).join(' '))
    .digest('base64url');
