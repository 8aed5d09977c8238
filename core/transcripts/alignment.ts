/** Aligns two texts of the same audio: which words are one spoken word. gpu_worker/speech/joining/alignment.py has the same rules. */
import type { Segment } from '../contracts/transcript.ts';

export type Word = Segment['words'][number];

/** Word of the joined text, and its origin. */
export interface Kept {
  readonly word: Word;
  /** `before`: the earlier text; `after`: the later text. */
  readonly from: 'before' | 'after';
  /** Its index among the words of that text. */
  readonly index: number;
}

/** Audio that both texts cover, in seconds of the session. */
export interface Shared {
  /** Beginning of the later text's audio; in that text, a word at this edge may be cut. */
  readonly start: number;
  /** End of the earlier text's audio; in that text, a word at this edge may be cut. */
  readonly end: number;
}

/** Indexes of two matched words, each in its own text. */
export interface Pair {
  readonly before: number;
  readonly after: number;
}

/** A word this close to the edge of its text's audio may be cut. */
const EDGE_SECONDS = 0.2;
/** Equal words further apart than this are two spoken words. */
export const MATCH_SECONDS = 0.8;
/** Cost per second between the times of two matched words. */
const COST_PER_SECOND = 2;
/** Cost of an unmatched word. `whole`: the other text has its audio; `cut`: it may be cut; `beyond`: the other may lack it. */
const UNMATCHED_COST = { whole: 1, cut: 0.3, beyond: 0.1 };

/** Cost of two different words at the same time. It is lower if one may be cut, because a cut word is expected to differ. */
const MISMATCH_COST = { whole: 0.8, cut: 0.2 };
/** Two words are at the same time if their middles are this close, or if they share this much of the shorter word's time. */
const SAME_TIME = { seconds: 0.12, share: 0.3 };

const letters = (word: string): string => word.toLowerCase().replace(/[^\p{L}\p{N}\p{M}]/gu, '');

export const middle = ({ start, end }: Word): number => (start + end) / 2;
/** Whether a word of the earlier text may be cut at the end of its audio. */
export const isCutBefore = (word: Word, { end }: Shared): boolean => word.end > end - EDGE_SECONDS;
/** Whether a word of the later text may be cut at the beginning of its audio. */
export const isCutAfter = (word: Word, { start }: Shared): boolean => word.start < start + EDGE_SECONDS;

export const isSameTime = (a: Word, b: Word): boolean =>
  Math.abs(middle(a) - middle(b)) < SAME_TIME.seconds ||
  Math.min(a.end, b.end) - Math.max(a.start, b.start) > SAME_TIME.share * Math.min(a.end - a.start, b.end - b.start);

/** Seconds between two words, by the closer of their ends: a decode may stretch a word over a pause on one side. */
const secondsApart = (a: Word, b: Word): number => Math.min(Math.abs(a.start - b.start), Math.abs(a.end - b.end));

const costIfUnmatchedBefore = (word: Word, shared: Shared): number =>
  isCutAfter(word, shared) ? UNMATCHED_COST.beyond : isCutBefore(word, shared) ? UNMATCHED_COST.cut : UNMATCHED_COST.whole;
const costIfUnmatchedAfter = (word: Word, shared: Shared): number =>
  isCutBefore(word, shared) ? UNMATCHED_COST.beyond : isCutAfter(word, shared) ? UNMATCHED_COST.cut : UNMATCHED_COST.whole;

const [END, MATCH, DIFFER, SKIP_BEFORE, SKIP_AFTER] = [0, 1, 2, 3, 4];

/** Cost of an alignment of the rest of both texts, and its first move. */
type Option = readonly [cost: number, move: number];
const NO_OPTION: Option = [Number.POSITIVE_INFINITY, END];
/** The cheapest option; the first of several. */
const cheapest = (options: readonly Option[]): Option =>
  options.reduce((best, one) => (one[0] < best[0] ? one : best), NO_OPTION);

/** Pairs two words, if they may be one spoken word. `rest`: cost of the alignment of the words after both. */
function paired(one: Word, other: Word, areEqual: boolean, shared: Shared, rest: number): Option {
  const apart = secondsApart(one, other);
  const cost = COST_PER_SECOND * apart + rest;
  if (areEqual && apart < MATCH_SECONDS) return [cost, MATCH];
  if (!isSameTime(one, other)) return NO_OPTION;
  const isCut = isCutBefore(one, shared) || isCutAfter(other, shared);
  return [cost + (isCut ? MISMATCH_COST.cut : MISMATCH_COST.whole), DIFFER];
}

/** First moves of the alignments of least cost, for the rests of both texts from each pair of words on: `choice[i * width + j]`. */
function bestMoves(before: readonly Word[], after: readonly Word[], shared: Shared): { choice: Uint8Array; width: number } {
  const [a, b] = [before.map(({ word }) => letters(word)), after.map(({ word }) => letters(word))];
  const costBefore = before.map((word) => costIfUnmatchedBefore(word, shared));
  const costAfter = after.map((word) => costIfUnmatchedAfter(word, shared));
  const width = after.length + 1;
  const cost = new Float64Array((before.length + 1) * width);
  const choice = new Uint8Array(cost.length);
  const optionsAt = (i: number, j: number): Option[] => {
    const [one, other] = [before[i], after[j]];
    const restAt = (at: number): number => cost[i * width + j + at] ?? 0;
    const options: Option[] = [];
    if (one !== undefined && other !== undefined) options.push(paired(one, other, a[i] === b[j], shared, restAt(width + 1)));
    if (one !== undefined) options.push([(costBefore[i] ?? 0) + restAt(width), SKIP_BEFORE]);
    if (other !== undefined) options.push([(costAfter[j] ?? 0) + restAt(1), SKIP_AFTER]);
    return options;
  };
  for (let i = before.length; i >= 0; i--)
    for (let j = after.length; j >= 0; j--) {
      const [least, move] = cheapest(optionsAt(i, j));
      if (move !== END) cost[i * width + j] = least;
      choice[i * width + j] = move;
    }
  return { choice, width };
}

/**
 * Returns the alignment of least cost (Needleman-Wunsch). A matched word costs the distance between its two times. An unmatched
 * word costs more, the more certainly the other text should have it. So "no no no" is matched by its times, not by its count.
 * Time and memory are proportional to the product of the two lengths.
 */
export function align(before: readonly Word[], after: readonly Word[], shared: Shared): Pair[] {
  const { choice, width } = bestMoves(before, after, shared);
  const pairs: Pair[] = [];
  let [i, j] = [0, 0];
  for (let move = choice[0]; move !== END && move !== undefined; move = choice[i * width + j]) {
    if (move === MATCH) pairs.push({ before: i, after: j });
    if (move !== SKIP_AFTER) i += 1;
    if (move !== SKIP_BEFORE) j += 1;
  }
  return pairs;
}
