/** Text of a time range of a transcript. */
import { RANGE_COVERAGE } from '../contracts/limits.ts';
import type { Transcript } from '../contracts/transcript.ts';
import { DomainError } from '../errors.ts';
import { joinedWords, type ShownWord, shownText } from './timed-words.ts';
import { round } from './times.ts';

export interface RangeText {
  /** Null if less than `RANGE_COVERAGE` of the range is covered. */
  readonly text: string | null;
  /** Share of the range that is transcribed or silent, 0 to 1. */
  readonly coverage: number;
  readonly source: 'cache' | 'none';
}

const overlap = (aStart: number, aEnd: number, bStart: number, bEnd: number): number =>
  Math.max(0, Math.min(aEnd, bEnd) - Math.max(aStart, bStart));

/** Words whose middle lies in [start, end). */
const wordsBetween = ({ segments }: Pick<Transcript, 'segments'>, start: number, end: number): ShownWord[] =>
  joinedWords(segments).filter((word) => (word.start + word.end) / 2 >= start && (word.start + word.end) / 2 < end);

/**
 * Text of the words whose middle lies in [start, end), so that each word belongs to exactly one of two adjacent ranges.
 * @throws DomainError `invalid` if the range is empty or negative
 */
export function textOfRange(transcript: Transcript, start: number, end: number): RangeText {
  if (!(start >= 0 && end > start)) throw new DomainError('invalid', 'the range must end after it starts');
  const coveredSeconds = transcript.coverage
    .filter(({ kind }) => kind === 'transcribed' || kind === 'silence')
    .reduce((sum, interval) => sum + overlap(start, end, interval.start, interval.end), 0);
  const coverage = Math.min(1, round(coveredSeconds / (end - start)));
  if (coverage < RANGE_COVERAGE) return { text: null, coverage, source: 'none' };
  const words = wordsBetween(transcript, start, end);
  return { text: shownText(words), coverage, source: 'cache' };
}
