/** Joins the parts of a file into one transcript: a paragraph for each part, times from the file's beginning. */
import type { SpeakerNumbers } from '../contracts/speakers.ts';
import type { ChunkTranscript, StoredFileTranscript, Transcript } from '../contracts/transcript.ts';
import { speakerLimitsOf } from '../recording-options.ts';
import { extend, NOTHING_JOINED, speakersIn, transcriptOf } from '../transcripts/join.ts';
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

/** Joins all parts of a file, which are given in their order. `numbers`: what the user knows of the number of its speakers. */
export function joinParts(jobId: string, parts: readonly TranscribedPart[], numbers: SpeakerNumbers = {}): StoredFileTranscript {
  const outcomes = parts.map(({ result, overlapSeconds }) => ({ kind: 'transcribed' as const, result, overlapSeconds }));
  const all = extend(NOTHING_JOINED, outcomes);
  const limits = speakerLimitsOf(numbers);
  const joined = transcriptOf(jobId, all, undefined, limits);
  const speakers = speakersIn(all, limits);
  const { sessionId: _id, final: _final, ...transcript } = joined;
  return { jobId, ...transcript, text: paragraphs(joined), ...(speakers.length > 0 && { speakers: [...speakers] }) };
}
