/**
 * A session's `transcription.json` out of the cache.
 *
 * Steps: version of the file that is there -> rows -> is anything still waiting? -> join -> replace exactly that version.
 * Gotcha: two assemblies can run at once. The older one finds another version than the one it read before the rows, and
 * starts again: so the file never goes back. What a transcript was made of is kept with the session, so that doing it
 * again for the same rows does nothing (our own note is a change of the session row, too, and comes back by the stream).
 */
import { createHash } from 'node:crypto';
import type { ChunkStore } from '../chunk-cache/ports.ts';
import type { ChunkRow, SessionRow } from '../contracts/rows.ts';
import type { ChunkTranscript, Transcript } from '../contracts/transcript.ts';
import type { SessionStore } from '../sessions/ports.ts';
import { type ChunkOutcome, joinChunks } from './join.ts';

export interface ResultStore {
  readResult(resultKey: string): Promise<ChunkTranscript>;
  /** Makes the committed result the canonical file of its chunk. */
  publishChunk(row: ChunkRow): Promise<void>;
  /** Version of the session's transcript, undefined while there is none. */
  transcriptVersion(session: SessionRow): Promise<string | undefined>;
  /** False when the version that was to be replaced is not the current one any more. */
  writeTranscript(session: SessionRow, transcript: Transcript, replaces: string | undefined): Promise<boolean>;
}

export interface AssembleDeps {
  readonly sessions: Pick<SessionStore, 'get' | 'recordTranscript'>;
  readonly chunks: Pick<ChunkStore, 'listOf'>;
  readonly results: ResultStore;
  readonly nowMs: () => number;
}

/** Reads of results at a time; S3 answers in parallel, memory does not grow with the recording's length beyond its text. */
const READS_AT_ONCE = 32;

async function outcomes(results: ResultStore, rows: readonly ChunkRow[], count: number): Promise<ChunkOutcome[]> {
  const byNumber = new Map(rows.map((row) => [row.chunk_number, row]));
  const found: ChunkOutcome[] = Array.from({ length: count }, () => ({ kind: 'missing' }));
  const read = async (chunkNumber: number): Promise<void> => {
    const row = byNumber.get(chunkNumber);
    if (row?.state === 'dead') {
      found[chunkNumber - 1] = { kind: 'failed', reason: row.error_message ?? 'failed', durationSeconds: row.duration_seconds };
    } else if (row?.state === 'done' && row.result_key !== undefined) {
      found[chunkNumber - 1] = { kind: 'transcribed', result: await results.readResult(row.result_key) };
    }
  };
  let nextNumber = 1;
  const reader = async (): Promise<void> => {
    for (let n = nextNumber++; n <= count; n = nextNumber++) await read(n);
  };
  await Promise.all(Array.from({ length: Math.min(READS_AT_ONCE, count) }, reader));
  return found;
}

/** What the transcript depends on: when this is unchanged, so is the transcript. */
const fingerprint = (session: SessionRow, rows: readonly ChunkRow[]): string =>
  createHash('sha256')
    .update([session.chunk_count, ...rows.map((row) => `${row.chunk_number}:${row.state}:${row.fence}`)].join(' '))
    .digest('base64url');

/** Rows that count: chunks above the number said at Stop came late and are part of it all the same. */
const countOf = (session: SessionRow, rows: readonly ChunkRow[]): number =>
  Math.max(session.chunk_count ?? 0, rows.at(-1)?.chunk_number ?? 0);

export type Assembly = 'written' | 'unchanged' | 'waiting' | 'recording' | 'unknown';

export async function assembleSession(deps: AssembleDeps, sessionId: string): Promise<Assembly> {
  for (;;) {
    const session = await deps.sessions.get(sessionId);
    if (session === undefined) return 'unknown';
    if (session.state !== 'completed') return 'recording';
    const version = await deps.results.transcriptVersion(session);
    const rows = await deps.chunks.listOf(sessionId);
    const madeOf = fingerprint(session, rows);
    if (version !== undefined && session.transcript_of === madeOf) return 'unchanged';
    if (rows.some((row) => row.state === 'pending' || row.state === 'leased')) return 'waiting';
    const transcript = joinChunks(sessionId, await outcomes(deps.results, rows, countOf(session, rows)));
    if (!(await deps.results.writeTranscript(session, transcript, version))) continue;
    await deps.sessions.recordTranscript(sessionId, { status: transcript.status, madeOf, writtenAtMs: deps.nowMs() });
    return 'written';
  }
}
