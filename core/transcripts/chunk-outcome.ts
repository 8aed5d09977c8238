import type { ChunkTranscript } from '../contracts/transcript.ts';

/**
 * Outcome of one chunk number of a session. `overlapSeconds`: audio at its beginning that is also the end of the previous chunk.
 * A result has `lead_in` only if the previous chunk still has the bytes that it was decoded with.
 */
export type ChunkOutcome = { readonly overlapSeconds?: number | undefined } & (
  | { readonly kind: 'transcribed'; readonly result: ChunkTranscript }
  | { readonly kind: 'failed'; readonly reason: string; readonly durationSeconds?: number | undefined }
  | { readonly kind: 'waiting'; readonly durationSeconds?: number | undefined }
  | { readonly kind: 'missing' }
);
