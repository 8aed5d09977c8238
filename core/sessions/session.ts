/**
 * The row of a session: its initial values and its public form.
 *
 * States: `recording` -> `completed` (completion.ts; due.ts if abandoned) -> `recording` again (resumption.ts), or `deleted`
 * (deletion.ts), a tombstone. A recording can be deleted too. A session that is transcribed again (retranscription.ts) stays `completed`.
 */
import { ABANDONED_SECONDS } from '../contracts/limits.ts';
import type { ChunkRow, SessionRow, WaitReason } from '../contracts/rows.ts';
import type { SpeakerNumbers } from '../contracts/speakers.ts';
import { DomainError } from '../errors.ts';
import { iso } from '../time.ts';
import type { SessionStore } from './ports.ts';

/** The initial row of a session. */
export const newSession = (
  input: Pick<SessionRow, 'title' | 'language' | 'live' | 'diarize' | 'channels' | 'prompt' | 'hotwords' | 'recorded_at_ms'> &
    SpeakerNumbers,
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

/** The error of every call for a deleted session. */
export const sessionDeleted = (): DomainError => new DomainError('deleted', 'this session was deleted');

/** Whether the transcript of the newest retranscription is not written yet. */
export const isBeingRetranscribed = ({ retranscription, transcript_retranscription = 0 }: SessionRow): boolean =>
  retranscription !== undefined && transcript_retranscription < retranscription.number;

/** Number of chunks. Chunks above the declared `chunk_count` arrived late and belong to the session too. */
export const chunkCountOf = (session: SessionRow, rows: readonly ChunkRow[]): number =>
  Math.max(session.chunk_count ?? 0, rows.at(-1)?.chunk_number ?? 0);

/** Renames a session; an empty title removes it. @throws DomainError `deleted` */
export async function renameSession(
  { sessions }: { readonly sessions: Pick<SessionStore, 'rename'> },
  session: SessionRow,
  title: string,
): Promise<SessionRow> {
  if (!(await sessions.rename(session.session_id, title || undefined))) throw sessionDeleted();
  const { title: _former, ...row } = session;
  return { ...row, ...(title && { title }) };
}

/** Public form of a session. @throws DomainError `deleted` */
export function viewSession(row: SessionRow) {
  if (row.state === 'deleted') throw sessionDeleted();
  return {
    id: row.session_id,
    userId: row.user_id,
    title: row.title,
    language: row.language,
    detectedLanguage: row.detected_language,
    model: row.model,
    live: row.live,
    diarize: row.diarize,
    minSpeakers: row.min_speakers,
    maxSpeakers: row.max_speakers,
    channels: row.channels,
    prompt: row.prompt,
    hotwords: row.hotwords,
    state: row.state,
    createdAt: iso(row.created_at_ms),
    recordedAt: row.recorded_at_ms === undefined ? undefined : iso(row.recorded_at_ms),
    completedAt: row.completed_at_ms === undefined ? undefined : iso(row.completed_at_ms),
    chunkCount: row.chunk_count,
    abandoned: row.abandoned,
    transcriptStatus: row.transcript_status,
    retranscribing: isBeingRetranscribed(row),
  };
}

/** Public form of a chunk. `waits`: why no machine can start for pending chunks. */
export const viewChunk = (row: ChunkRow, waits?: WaitReason) => ({
  chunkNumber: row.chunk_number,
  state: row.state,
  sizeBytes: row.size_bytes,
  attempts: row.attempts,
  durationSeconds: row.duration_seconds,
  startedAt: row.started_at_ms === undefined ? undefined : iso(row.started_at_ms),
  error: row.error_message,
  waitingFor: row.state === 'pending' ? waits : undefined,
  targetWords: Object.values(row.word_counts ?? {}).some((count) => count > 0) ? row.word_counts : undefined,
});
