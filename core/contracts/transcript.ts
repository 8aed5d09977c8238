/** Results of chunks, sessions and files as JSON. Times are in seconds from the beginning of the chunk, session or file. */
import * as z from 'zod';
import { DetectedSpeaker, Voice } from './speakers.ts';

const Interval = z.object({ start: z.number(), end: z.number() });

const Word = z.object({
  word: z.string(),
  start: z.number(),
  end: z.number(),
  probability: z.number(),
  /** The times were interpolated between the neighboring words, not measured. */
  interpolated: z.literal(true).optional(),
  /** Only in results of chunks: index of its speaker among those of the chunk. */
  speaker: z.number().int().optional(),
  /** Another person speaks at the same time. */
  overlapped: z.literal(true).optional(),
});

export const Segment = z.object({
  id: z.number().int(),
  start: z.number(),
  end: z.number(),
  text: z.string(),
  avg_logprob: z.number(),
  no_speech_prob: z.number(),
  compression_ratio: z.number(),
  words: z.array(Word),
  /** Language of its words, as an ISO 639 code; absent in results of older engines. */
  language: z.string().optional(),
  /**
   * Speaker: `S1`, `S2`, … in order of first appearance, or `S` and the number of the channel. Only if speakers or separate
   * channels were requested.
   */
  speaker: z.string().optional(),
  /** Number of its audio channel, from 1; only in results of chunks, if channels are separate. */
  channel: z.number().int().optional(),
  /** Voice embedding, int8 as base64; only in results of chunks by older workers. */
  voice: z.string().optional(),
});
export type Segment = z.infer<typeof Segment>;

export const ChunkTranscript = z.object({
  sessionId: z.string(),
  chunkNumber: z.number().int(),
  /** Language of most words; `und` if there are none. */
  language: z.string(),
  duration_seconds: z.number(),
  model: z.string(),
  text: z.string(),
  /** Segments of this chunk's own audio, without the lead-in. */
  segments: z.array(Segment),
  /** Spans of detected speech in which no word was recognized, even by another decode. */
  unheard: z.array(Interval).optional(),
  /** Voices of the speakers of this chunk, if speakers were requested. */
  speakers: z.array(Voice).optional(),
  /** Spans that could not be decoded; they are silent. */
  damaged: z.array(Interval).optional(),
  /** Spans of at least 5 s in which the microphone delivered no sound, as a muted one does. */
  no_signal: z.array(Interval).optional(),
  /** Audio of the previous chunk that this one was decoded with, so that words at the boundary are whole. */
  lead_in: z
    .object({
      seconds: z.number(),
      /** ETag of the previous chunk's object. */
      etag: z.string(),
      /** Words of that audio; their times are negative. */
      words: z.array(Word.extend({ channel: z.number().int().optional() })),
    })
    .optional(),
});
export type ChunkTranscript = z.infer<typeof ChunkTranscript>;

const COVERAGE_KINDS = ['transcribed', 'silence', 'failed', 'missing'] as const;

export const Transcript = z.object({
  sessionId: z.string(),
  status: z.enum(['completed', 'partial']),
  language: z.string(),
  duration_seconds: z.number(),
  model: z.string(),
  text: z.string(),
  segments: z.array(Segment),
  /** False while chunks are not transcribed yet, so that the text still grows. */
  final: z.boolean().default(true),
  gaps: z.array(z.object({ chunkNumber: z.number().int(), start: z.number(), end: z.number(), reason: z.string() })),
  coverage: z.array(z.object({ start: z.number(), end: z.number(), kind: z.enum(COVERAGE_KINDS) })),
  chunks: z.array(
    z.object({ chunkNumber: z.number().int(), start: z.number(), end: z.number(), source: z.enum(['cache', 'none']) }),
  ),
  /** Spans of at least 10 s in which the microphone delivered no sound, as a muted one does. */
  no_signal: z.array(Interval).optional(),
  /** While the text grows: pass it as `after` in the next request, to get only what follows this position. */
  cursor: z.string().optional(),
  /**
   * Only in a response to `after`: the transcript continues an earlier one after so many chunks and segments, and so many
   * characters (UTF-16 code units) of its text. Its coverage begins at `seconds`, and its `no_signal` has the spans that end there or later.
   */
  after: z
    .object({ chunks: z.number().int(), segments: z.number().int(), characters: z.number().int(), seconds: z.number() })
    .optional(),
});
export type Transcript = z.infer<typeof Transcript>;

/** Transcript of a file: the same with parts instead of chunks. Each part is a paragraph of the text. */
export const FileTranscript = Transcript.omit({
  sessionId: true,
  final: true,
  no_signal: true,
  cursor: true,
  after: true,
}).extend({
  jobId: z.string(),
});
export type FileTranscript = z.infer<typeof FileTranscript>;

/** Transcript of a file as it is stored: with its speakers as they were detected. A user's names are stored apart. */
export const StoredFileTranscript = FileTranscript.extend({
  /** Absent in files without speakers, and of older versions. */
  speakers: z.array(DetectedSpeaker).optional(),
});
export type StoredFileTranscript = z.infer<typeof StoredFileTranscript>;
