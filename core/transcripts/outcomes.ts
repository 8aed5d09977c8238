/** Reads the outcomes of a session's chunks. */
import pMap from 'p-map';
import type { Edits } from '../contracts/edits.ts';
import type { ChunkRow, SessionRow } from '../contracts/rows.ts';
import type { SpeakerChanges } from '../contracts/speakers.ts';
import type { ChunkTranscript } from '../contracts/transcript.ts';
import { chunkCountOf } from '../sessions/session.ts';
import type { ChunkOutcome } from './chunk-outcome.ts';

export interface ResultReader {
  readResult(resultKey: string): Promise<ChunkTranscript>;
  readEdits(session: SessionRow): Promise<StoredEdits | undefined>;
}

/** What a user has changed in a transcript. */
export interface UserChanges extends Edits {
  readonly speakers?: SpeakerChanges | undefined;
}

/** The stored changes of a user, and the ETag of their object. */
export interface StoredEdits extends UserChanges {
  readonly tag: string;
}

const NO_CHANGES: UserChanges = { version: 0, edits: [] };

export const userChangesOf = async (store: Pick<ResultReader, 'readEdits'>, session: SessionRow): Promise<UserChanges> =>
  session.edits_version === undefined ? NO_CHANGES : ((await store.readEdits(session)) ?? NO_CHANGES);

const READS_AT_ONCE = 32;

/** Results by chunk number. A chunk whose retranscription failed keeps its previous result. */
async function resultsOf(
  store: Pick<ResultReader, 'readResult'>,
  rows: readonly ChunkRow[],
): Promise<ReadonlyMap<number, ChunkTranscript>> {
  const done = rows.flatMap((row) => (hasOutcome(row) && row.result_key !== undefined ? [[row, row.result_key] as const] : []));
  const read = async ([row, key]: (typeof done)[number]) => [row.chunk_number, await store.readResult(key)] as const;
  return new Map(await pMap(done, read, { concurrency: READS_AT_ONCE }));
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

/** Removes the lead-in if the previous chunk has been replaced since. */
function withCurrentLeadIn(result: ChunkTranscript, before: ChunkRow | undefined): ChunkTranscript {
  if (result.lead_in === undefined || result.lead_in.etag === before?.etag) return result;
  const { lead_in: _stale, ...own } = result;
  return own;
}

/**
 * Outcomes of the chunk numbers from `after` + 1 to `until`, in order. `rows` may include the row of number `after`. By default,
 * all chunks of the session.
 */
export async function outcomesOf(
  store: Pick<ResultReader, 'readResult'>,
  session: SessionRow,
  rows: readonly ChunkRow[],
  after = 0,
  until = Math.max(after, chunkCountOf(session, rows)),
): Promise<ChunkOutcome[]> {
  const byNumber = new Map(rows.map((row) => [row.chunk_number, row]));
  const results = await resultsOf(
    store,
    rows.filter((row) => row.chunk_number > after),
  );
  return Array.from({ length: until - after }, (_, index): ChunkOutcome => {
    const number = after + index + 1;
    const [row, before] = [byNumber.get(number), byNumber.get(number - 1)];
    if (row === undefined) return { kind: 'missing' };
    const overlapSeconds = overlapOf(row, before);
    const durationSeconds = row.duration_seconds ?? row.said_seconds;
    const result = results.get(number);
    if (result !== undefined) return { kind: 'transcribed', result: withCurrentLeadIn(result, before), overlapSeconds };
    if (row.state === 'dead') return { kind: 'failed', reason: row.error_message ?? 'failed', durationSeconds, overlapSeconds };
    return { kind: 'waiting', durationSeconds, overlapSeconds };
  });
}

/** Whether a chunk is transcribed or has failed permanently. */
export const hasOutcome = ({ state }: ChunkRow): boolean => state === 'done' || state === 'dead';
