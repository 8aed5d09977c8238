/** Text of a time range, out of a transcript that is there already. */
import { RANGE_COVERAGE } from '../contracts/limits.ts';
import type { Transcript } from '../contracts/transcript.ts';
import { DomainError } from '../errors.ts';
import { round } from './join.ts';

export interface RangeText {
  /** Null when too little of the range is covered for its text to mean anything. */
  readonly text: string | null;
  /** Share of the range's seconds whose chunk is cached, 0 to 1. */
  readonly coverage: number;
  readonly source: 'cache' | 'none';
}

const overlap = (aStart: number, aEnd: number, bStart: number, bEnd: number): number =>
  Math.max(0, Math.min(aEnd, bEnd) - Math.max(aStart, bStart));

/** Words whose middle lies inside [start, end). */
const wordsBetween = ({ segments }: Pick<Transcript, 'segments'>, start: number, end: number) =>
  segments
    .flatMap((segment) => segment.words)
    .filter((word) => (word.start + word.end) / 2 >= start && (word.start + word.end) / 2 < end);

/**
 * Words whose middle lies inside [start, end): of two ranges that touch, each word belongs to exactly one.
 * @throws DomainError `invalid` when the range is empty or negative
 */
export function textOfRange(transcript: Transcript, start: number, end: number): RangeText {
  if (!(start >= 0 && end > start)) throw new DomainError('invalid', 'the range must end after it starts');
  const coveredSeconds = transcript.coverage
    .filter(({ kind }) => kind === 'transcribed' || kind === 'silence')
    .reduce((sum, interval) => sum + overlap(start, end, interval.start, interval.end), 0);
  const coverage = Math.min(1, round(coveredSeconds / (end - start)));
  if (coverage < RANGE_COVERAGE) return { text: null, coverage, source: 'none' };
  const words = wordsBetween(transcript, start, end);
  return {
    text: words
      .map((word) => word.word)
      .join('')
      .trim(),
    coverage,
    source: 'cache',
  };
}
