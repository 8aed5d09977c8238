/** Times of words in a row. gpu_worker/speech/joining/word_times.py has the same rules. */
import type { Segment } from '../contracts/transcript.ts';
import { round } from './times.ts';

type Word = Segment['words'][number];

export const MIN_WORD_SECONDS = 0.02;

/**
 * The words with consistent times: each lasts at least `MIN_WORD_SECONDS` and ends before the next one starts. A word starts later
 * than it did only if it started less than that after the start of the word before it. Unchanged words are the same objects.
 */
export function withDurations(words: readonly Word[]): Word[] {
  const starts: number[] = [];
  for (const { start } of words)
    starts.push(round(Math.max(start, (starts.at(-1) ?? Number.NEGATIVE_INFINITY) + MIN_WORD_SECONDS)));
  return words.map((word, i) => {
    const start = starts[i] ?? word.start;
    const end = round(Math.min(Math.max(word.end, start + MIN_WORD_SECONDS), starts[i + 1] ?? Number.POSITIVE_INFINITY));
    return start === word.start && end === word.end ? word : { ...word, start, end };
  });
}
