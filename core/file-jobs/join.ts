/** Parts of a file become one transcript: a paragraph each, times from the file's beginning. */
import type { ChunkTranscript, FileTranscript, Transcript } from '../contracts/transcript.ts';
import { joinChunks } from '../transcripts/join.ts';

export interface HeardPart {
  readonly result: ChunkTranscript;
  /** Sound at its beginning that the part before it holds too. */
  readonly overlapSeconds: number;
}

/** Segments of each part: those that begin before the next one does. */
function paragraphs({ segments, chunks }: Transcript): string {
  const texts = chunks.map(() => [] as string[]);
  let part = 0;
  for (const { start, text } of segments) {
    while (start >= (chunks[part + 1]?.start ?? Number.POSITIVE_INFINITY)) part += 1;
    if (text !== '') texts[part]?.push(text);
  }
  return texts
    .map((lines) => lines.join(' '))
    .filter((text) => text !== '')
    .join('\n\n');
}

/** `parts` in their order. */
export function joinParts(jobId: string, parts: readonly HeardPart[]): FileTranscript {
  const outcomes = parts.map(({ result, overlapSeconds }) => ({ kind: 'transcribed' as const, result, overlapSeconds }));
  const joined = joinChunks(jobId, outcomes);
  const { sessionId: _id, final: _final, ...transcript } = joined;
  return { jobId, ...transcript, text: paragraphs(joined) };
}
