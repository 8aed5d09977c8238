import type * as z from 'zod';
import type { CreateSession } from '../contracts/http.ts';
import { ABANDONED_SECONDS } from '../contracts/limits.ts';
import type { ChunkRow, SessionRow, WaitsFor } from '../contracts/rows.ts';

export const newSession = (
  input: z.infer<typeof CreateSession> & { readonly live: boolean },
  userId: string,
  ulid: string,
  nowMs: number,
): SessionRow => ({
  ...input,
  session_id: `session_${ulid}`,
  user_id: userId,
  state: 'recording',
  created_at_ms: nowMs,
  due_shard: 'due',
  due_at_ms: nowMs + 1000 * ABANDONED_SECONDS,
});

/** Public form of a session; times as ISO 8601. */
export interface SessionView {
  readonly id: string;
  readonly userId: string;
  readonly title?: string | undefined;
  readonly language?: string | undefined;
  readonly live: boolean;
  readonly diarize?: boolean | undefined;
  readonly state: SessionRow['state'];
  readonly createdAt: string;
  readonly completedAt?: string | undefined;
  readonly chunkCount?: number | undefined;
  /** Nobody said Stop; it was closed after half an hour without a chunk. */
  readonly abandoned?: boolean | undefined;
  readonly transcriptStatus?: SessionRow['transcript_status'];
}

const iso = (ms: number): string => new Date(ms).toISOString();

export const viewSession = (row: SessionRow): SessionView => ({
  id: row.session_id,
  userId: row.user_id,
  title: row.title,
  language: row.language,
  live: row.live,
  diarize: row.diarize,
  state: row.state,
  createdAt: iso(row.created_at_ms),
  completedAt: row.completed_at_ms === undefined ? undefined : iso(row.completed_at_ms),
  chunkCount: row.chunk_count,
  abandoned: row.abandoned,
  transcriptStatus: row.transcript_status,
});

/** `waits`: why nobody can be started who would take up what is pending. */
export const viewChunk = (row: ChunkRow, waits?: WaitsFor) => ({
  chunkNumber: row.chunk_number,
  state: row.state,
  sizeBytes: row.size_bytes,
  attempts: row.attempts,
  durationSeconds: row.duration_seconds,
  error: row.error_message,
  waitingFor: row.state === 'pending' ? waits : undefined,
});

/** Chunk numbers that were never uploaded, of those that must be there. */
export function holes(rows: readonly ChunkRow[], chunkCount: number | undefined): number[] {
  const there = new Set(rows.map((row) => row.chunk_number));
  const count = Math.max(chunkCount ?? 0, ...there);
  return Array.from({ length: count }, (_, i) => i + 1).filter((n) => !there.has(n));
}
