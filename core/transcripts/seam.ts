/**
 * Where a chunk begins with audio that the chunk before it ends with, some words are in both texts, and some are cut: the
 * last of the one, the first of the other. The seam says which words go, so that each is there once and whole.
 */
import type { Segment } from '../contracts/transcript.ts';

type Word = Segment['words'][number];

export interface Seam {
  /** Words that go from the end of the chunk before. */
  readonly fromEnd: number;
  /** Words that go from the beginning of the chunk after. */
  readonly fromStart: number;
}

/** Word times are this exact, in seconds. */
const TOLERANCE = 0.3;
/** A word this near to where the audio begins or ends may be part of one. */
const EDGE = 0.15;
/** Two words that share this much of the shorter one's time are one. */
const SAME_SHARE = 0.3;
/** What a seam costs: a word lost or doubled, a word that is cut, and (negative) how sure the kept ones are. */
const COST = { lost: 3, doubled: 3, cut: 1, sure: -0.01 };

const plain = (word: Word): string => word.word.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
const middle = (word: Word): number => (word.start + word.end) / 2;

/** Whether both are one spoken word: they take the same time, or say the same at about the same time. */
function isSame(a: Word, b: Word): boolean {
  const shared = Math.min(a.end, b.end) - Math.max(a.start, b.start);
  if (shared > SAME_SHARE * Math.min(a.end - a.start, b.end - b.start)) return true;
  return plain(a) === plain(b) && Math.abs(middle(a) - middle(b)) < TOLERANCE;
}

/**
 * `before` ends at `end`, `after` begins at `start`, with `start < end`; all times are the session's, in seconds.
 * Of all places to change over, the one that costs least: there are few words, so each is tried.
 */
export function seam(before: readonly Word[], after: readonly Word[], start: number, end: number): Seam {
  const a = before.filter((word) => word.end > start - TOLERANCE);
  const b = after.filter((word) => word.start < end + TOLERANCE);
  const same = a.map((one) => b.map((other) => isSame(one, other)));
  const isCutA = (a.at(-1)?.end ?? 0) >= end - EDGE;
  const isCutB = (b[0]?.start ?? end) <= start + EDGE;
  let best = { cost: Number.POSITIVE_INFINITY, fromEnd: 0, fromStart: 0 };
  for (let kept = a.length; kept >= 0; kept--)
    for (let gone = 0; gone <= b.length; gone++) {
      const lostA = a.filter((_, i) => i >= kept && !b.some((_word, j) => j >= gone && same[i]?.[j])).length;
      const lostB = b.filter((_, j) => j < gone && !a.some((_word, i) => i < kept && same[i]?.[j])).length;
      const doubled = a.filter((_, i) => i < kept && b.some((_word, j) => j >= gone && same[i]?.[j])).length;
      const cut = Number(isCutA && kept === a.length && kept > 0) + Number(isCutB && gone === 0 && b.length > 0);
      const sure = [...a.slice(0, kept), ...b.slice(gone)].reduce((sum, { probability }) => sum + probability, 0);
      const cost = COST.lost * (lostA + lostB) + COST.doubled * doubled + COST.cut * cut + COST.sure * sure;
      if (cost < best.cost) best = { cost, fromEnd: a.length - kept, fromStart: gone };
    }
  return { fromEnd: best.fromEnd, fromStart: best.fromStart };
}

const withWords = (segment: Segment, words: Word[]): Segment[] => {
  const [first, last] = [words[0], words.at(-1)];
  if (first === undefined || last === undefined) return [];
  const text = words
    .map(({ word }) => word)
    .join('')
    .trim();
  return [{ ...segment, start: first.start, end: last.end, text, words }];
};

/** Segments without their last words; those that were nothing else are gone. */
export function withoutEnd(segments: readonly Segment[], count: number): Segment[] {
  let left = count;
  const kept: Segment[] = [];
  for (const segment of [...segments].reverse()) {
    const gone = Math.min(left, segment.words.length);
    left -= gone;
    kept.unshift(...(gone === 0 ? [segment] : withWords(segment, segment.words.slice(0, segment.words.length - gone))));
  }
  return kept;
}

/** Segments without their first words, of which none begins before `notBefore`: times of two decodings differ a little. */
export function withoutStart(segments: readonly Segment[], count: number, notBefore: number): Segment[] {
  let left = count;
  return segments.flatMap((segment) => {
    const gone = Math.min(left, segment.words.length);
    left -= gone;
    if (gone === 0 && segment.start >= notBefore) return [segment];
    const late = (time: number): number => Math.max(time, notBefore);
    const words = segment.words.slice(gone).map((word) => ({ ...word, start: late(word.start), end: late(word.end) }));
    return withWords(segment, words);
  });
}
