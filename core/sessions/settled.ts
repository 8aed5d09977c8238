/** Which chunks of a session are settled: their joined text is stored in parts. @see core/transcripts/joined-parts.ts */
import { PART_CHUNKS } from '../contracts/limits.ts';
import type { SessionRow } from '../contracts/rows.ts';
import type { SessionStore } from './ports.ts';

/** Number of chunks in the parts before the one that contains this chunk. */
export const chunksInPartsBefore = (chunkNumber: number): number => Math.floor((chunkNumber - 1) / PART_CHUNKS) * PART_CHUNKS;

/** Takes back the parts that cover this chunk or later ones. Without a chunk, or if no part covers it, nothing is written. */
export async function takeBackParts(
  sessions: Pick<SessionStore, 'unsettle'>,
  { session_id, settled_chunks = 0 }: SessionRow,
  chunkNumber: number | undefined,
): Promise<void> {
  if (chunkNumber === undefined || settled_chunks < chunkNumber) return;
  await sessions.unsettle(session_id, chunksInPartsBefore(chunkNumber));
}
