import type { ChunkRow } from '../contracts/rows.ts';

/** Counts of a session's chunks. */
export interface CacheStatistics {
  readonly known: number;
  readonly cached: number;
  readonly failed: number;
  readonly pending: number;
  /** Chunk numbers that were never uploaded. */
  readonly missing: number;
  readonly secondsCovered: number;
  /** How often each of the user's target words occurs in all corrected texts. */
  readonly targetWords: Readonly<Record<string, number>>;
}

/** Numbers of chunks that were never uploaded, from `from` up to `chunkCount` or the highest uploaded one. */
export function missingChunkNumbers(rows: readonly ChunkRow[], chunkCount: number | undefined, from = 1): number[] {
  const uploaded = new Set(rows.map((row) => row.chunk_number));
  const last = Math.max(chunkCount ?? 0, rows.at(-1)?.chunk_number ?? 0);
  return Array.from({ length: Math.max(0, last - from + 1) }, (_, i) => from + i).filter((n) => !uploaded.has(n));
}

/** Counts the chunks of a session from number `from` on; `rows` are theirs, in order. `chunkCount`: the declared number of all. */
export function cacheStatistics(rows: readonly ChunkRow[], chunkCount: number | undefined, from = 1): CacheStatistics {
  const done = rows.filter(({ state }) => state === 'done');
  const targetWords: Record<string, number> = {};
  for (const row of done)
    for (const [word, count] of Object.entries(row.word_counts ?? {})) targetWords[word] = (targetWords[word] ?? 0) + count;
  const failed = rows.filter(({ state }) => state === 'dead').length;
  return {
    known: rows.length,
    cached: done.length,
    failed,
    pending: rows.length - done.length - failed,
    missing: missingChunkNumbers(rows, chunkCount, from).length,
    secondsCovered: Math.round(done.reduce((sum, row) => sum + (row.duration_seconds ?? 0), 0) * 1000) / 1000,
    targetWords,
  };
}
