/** Results as JSON, for one chunk and for a session; times are seconds from the beginning of the chunk or session. */
import * as z from 'zod';

const Word = z.object({
  word: z.string(),
  start: z.number(),
  end: z.number(),
  probability: z.number(),
  /** Its times were not heard but reckoned from its neighbours. */
  interpolated: z.literal(true).optional(),
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
  /** Who speaks, `S1`, `S2`, … in the order in which they are heard first; where speakers were asked for. */
  speaker: z.string().optional(),
  /** Vector of the voice, int8 as base64; only in results. */
  voice: z.string().optional(),
});
export type Segment = z.infer<typeof Segment>;

export const ChunkTranscript = z.object({
  sessionId: z.string(),
  chunkNumber: z.number().int(),
  language: z.string(),
  duration_seconds: z.number(),
  model: z.string(),
  text: z.string(),
  segments: z.array(Segment),
  /** Where somebody speaks and no words were found, tried twice. */
  unheard: z.array(z.object({ start: z.number(), end: z.number() })).optional(),
});
export type ChunkTranscript = z.infer<typeof ChunkTranscript>;

/** Committed results of a session, each under the key of its own object; they were parsed when they were put in, and are many. */
export const Bundle = z.object({ results: z.array(z.object({ key: z.string(), result: z.custom<ChunkTranscript>() })) });
export type Bundle = z.infer<typeof Bundle>;

const COVERAGE_KINDS = ['transcribed', 'silence', 'failed', 'missing'] as const;

export const Transcript = z.object({
  sessionId: z.string(),
  status: z.enum(['completed', 'partial']),
  language: z.string(),
  duration_seconds: z.number(),
  model: z.string(),
  text: z.string(),
  segments: z.array(Segment),
  /** False while chunks are still awaited: the text grows. */
  final: z.boolean().default(true),
  gaps: z.array(z.object({ chunkNumber: z.number().int(), start: z.number(), end: z.number(), reason: z.string() })),
  coverage: z.array(z.object({ start: z.number(), end: z.number(), kind: z.enum(COVERAGE_KINDS) })),
  chunks: z.array(
    z.object({ chunkNumber: z.number().int(), start: z.number(), end: z.number(), source: z.enum(['cache', 'none']) }),
  ),
});
export type Transcript = z.infer<typeof Transcript>;

/** A file's transcript: the same, of parts instead of chunks; paragraphs of the text are its parts. */
export const FileTranscript = Transcript.omit({ sessionId: true, final: true }).extend({ jobId: z.string() });
export type FileTranscript = z.infer<typeof FileTranscript>;
