/** Reads a session's details again: of a long recording, only the chunks that can still change. */
import type { CallResult } from '../../../core/contracts/calls/client.ts';
import { api } from '../api/client.ts';

/** A session as the API returns it. */
export type Session = CallResult<'GET /api/sessions/{id}'>;
type Chunk = Session['chunks'][number];

const hasOutcome = ({ state }: Chunk): boolean => state === 'done' || state === 'dead';

/** Number of the first chunk that can change without an action of the user; during a retranscription, all can. */
export function firstOpenChunk({ chunks, retranscribing }: Pick<Session, 'chunks' | 'retranscribing'>): number {
  if (retranscribing === true) return 1;
  return chunks.find((chunk) => !hasOutcome(chunk))?.chunkNumber ?? (chunks.at(-1)?.chunkNumber ?? 0) + 1;
}

function statisticsOf(chunks: readonly Chunk[], missing: number): Session['statistics'] {
  const done = chunks.filter(({ state }) => state === 'done');
  const failed = chunks.filter(({ state }) => state === 'dead').length;
  const targetWords: Record<string, number> = {};
  for (const [word, count] of done.flatMap((chunk) => Object.entries(chunk.targetWords ?? {})))
    targetWords[word] = (targetWords[word] ?? 0) + count;
  const secondsCovered = done.reduce((sum, { durationSeconds = 0 }) => sum + durationSeconds, 0);
  const pending = chunks.length - done.length - failed;
  return { known: chunks.length, cached: done.length, failed, pending, missing, secondsCovered, targetWords };
}

/** The session with all chunks, after those from number `from` on were read again. */
export function withNewer(known: Session, newer: Session, from: number): Session {
  const chunks = [...known.chunks.filter(({ chunkNumber }) => chunkNumber < from), ...newer.chunks];
  const holes = [...known.holes.filter((number) => number < from), ...newer.holes];
  return { ...newer, chunks, holes, statistics: statisticsOf(chunks, holes.length) };
}

/** Reads a session; if an earlier reading is known, only its open chunks. */
export async function readSession(id: string, known: Session | undefined): Promise<Session> {
  const from = known === undefined ? 1 : firstOpenChunk(known);
  const newer = await api('GET /api/sessions/{id}', { path: { id }, query: { from } });
  return known === undefined || from === 1 ? newer : withNewer(known, newer, from);
}
