/** Joins the parts of a file into one transcript: a paragraph for each part, times from the file's beginning. */
import type { ChunkTranscript, FileTranscript, Transcript } from '../contracts/transcript.ts';
import { joinChunks } from '../transcripts/join.ts';
import { joinTexts } from '../transcripts/spacing.ts';

export interface TranscribedPart {
  readonly result: ChunkTranscript;
  /** Audio at its beginning that is also the end of the previous part. */
  readonly overlapSeconds: number;
}

/** The text by parts. A segment belongs to the last part that begins before it or with it. */
function paragraphs({ segments, chunks }: Transcript): string {
  const texts = chunks.map(() => [] as string[]);
  let part = 0;
  for (const { start, text } of segments) {
    while (start >= (chunks[part + 1]?.start ?? Number.POSITIVE_INFINITY)) part += 1;
    texts[part]?.push(text);
  }
  return texts
    .map(joinTexts)
    .filter((text) => text !== '')
    .join('\n\n');
}

/** Joins all parts of a file, which are given in their order. */
export function joinParts(jobId: string, parts: readonly TranscribedPart[]): FileTranscript {
  const outcomes = parts.map(({ result, overlapSeconds }) => ({ kind: 'transcribed' as const, result, overlapSeconds }));
  const joined = joinChunks(jobId, outcomes);
  const { sessionId: _id, final: _final, ...transcript } = joined;
  return { jobId, ...transcript, text: paragraphs(joined) };
}
