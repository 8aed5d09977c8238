import type { JobRow } from '../../core/contracts/jobs.ts';
import type { ChunkRow, SessionRow } from '../../core/contracts/rows.ts';
import type { ChunkTranscript } from '../../core/contracts/transcript.ts';
import type { DeliveryRow } from '../../core/contracts/webhooks.ts';

export const USER = 'user-a';
export const SESSION = 'session_01TEST';

export const sessionRow = (more: Partial<SessionRow> = {}): SessionRow => ({
  session_id: SESSION,
  user_id: USER,
  live: true,
  state: 'recording',
  created_at_ms: 1_000,
  ...more,
});

export const chunkRow = (chunkNumber: number, more: Partial<ChunkRow> = {}): ChunkRow => ({
  session_id: SESSION,
  chunk_number: chunkNumber,
  user_id: USER,
  state: 'pending',
  lane: 'live',
  object_key: `users/${USER}/sessions/${SESSION}/chunk-${String(chunkNumber).padStart(3, '0')}.webm`,
  etag: `etag-${chunkNumber}`,
  size_bytes: 1000,
  uploaded_at_ms: 1_000 + chunkNumber,
  attempts: 0,
  fence: 0,
  queued_at_ms: 1_000,
  next_attempt_at_ms: 0,
  pending_shard: 'pending-0',
  ...more,
});

export const jobRow = (more: Partial<JobRow> = {}): JobRow => ({
  job_id: 'job_01TEST',
  version: 1,
  user_id: USER,
  status: 'pending',
  filename: 'a.mp3',
  content_type: 'audio/mpeg',
  size_bytes: 1,
  object_key: `users/${USER}/files/x/source.mp3`,
  priority: 'normal',
  created_at_ms: 1000,
  progress: 0,
  stage: 'Queued',
  round: 0,
  moved_at_ms: 0,
  moved_to: '',
  resumes: 0,
  ...more,
});

export const deliveryRow = (n: number, more: Partial<DeliveryRow> = {}): DeliveryRow => ({
  user_id: USER,
  id: `dlv_${String(n).padStart(13, '0')}_${'x'.repeat(22)}`,
  version: 1,
  message_id: `message-${n}`,
  event: 'session.completed',
  url: 'https://example.com/hook',
  body: '{}',
  state: 'delivered',
  created_at_ms: n,
  attempts: 1,
  busy_until_ms: 0,
  expires_at_s: 9_000_000_000,
  ...more,
});

/** A chunk transcript with one word per second: `w<chunk>-<second>`. */
export function chunkTranscript(chunkNumber: number, seconds = 30, words = 3): ChunkTranscript {
  const spoken = Array.from({ length: words }, (_, i) => ({
    word: ` w${chunkNumber}-${i}`,
    start: i,
    end: i + 0.5,
    probability: 0.9,
  }));
  const text = spoken
    .map(({ word }) => word)
    .join('')
    .trim();
  const segment = {
    id: 0,
    start: 0,
    end: words,
    text,
    avg_logprob: -0.1,
    no_speech_prob: 0,
    compression_ratio: 1,
    words: spoken,
  };
  return {
    sessionId: SESSION,
    chunkNumber,
    language: 'en',
    duration_seconds: seconds,
    model: 'test',
    text,
    segments: words === 0 ? [] : [segment],
  };
}

/** The same with two voices: the first speaks all words but the last one. */
export function voicedTranscript(chunkNumber: number): ChunkTranscript {
  const voices = [
    [127, 0],
    [0, 127],
  ].map((vector) => ({ voice: Buffer.from(vector).toString('base64'), seconds: 10, model: 'ge2e' }));
  const chunk = chunkTranscript(chunkNumber);
  const segments = chunk.segments.map((segment) => ({
    ...segment,
    words: segment.words.map((word, i, { length }) => ({ ...word, speaker: i < length - 1 ? 0 : 1 })),
  }));
  return { ...chunk, segments, speakers: voices };
}
