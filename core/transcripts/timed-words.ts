/**
 * The words of a text as users read it, with times.
 *
 * The text includes corrections and edits; the times come from the recognized words. Words that a correction has changed share
 * the time of the words that they replace.
 */
import type { Segment } from '../contracts/transcript.ts';
import { isSpacedBetween, type Piece, piecesOf, textOf } from './spacing.ts';

export interface ShownWord extends Piece {
  /** Seconds from the start of the recording. */
  readonly start: number;
  readonly end: number;
  /** 0 to 1, from the model. */
  readonly probability: number;
  readonly isEdited: boolean;
}

/** Lower case without punctuation. Most words have none, and testing that is faster than replacing it. */
export function plain(text: string): string {
  const lower = text.toLowerCase();
  return /^[a-z0-9]*$/.test(lower) ? lower : lower.replace(/[^\p{L}\p{N}]+/gu, '');
}

/** Length of the longest common subsequence of all ends of two lists: of `a` from i and `b` from j. */
function commonLengths(a: readonly string[], b: readonly string[]): (i: number, j: number) => number {
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  const at = (i: number, j: number): number => lengths[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--) {
      const row = lengths[i];
      if (row !== undefined) row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  return at;
}

/** Longest common subsequence of two short lists: pairs of indices, in order. */
function commonSubsequence(a: readonly string[], b: readonly string[]): [number, number][] {
  const lengthAt = commonLengths(a, b);
  const pairs: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if (lengthAt(i + 1, j) >= lengthAt(i, j + 1)) i += 1;
    else j += 1;
  }
  return pairs;
}

type RecognizedWord = Segment['words'][number];
const isEdited = (word: RecognizedWord): boolean => word.interpolated === true && word.probability === 1;
const asShown = (word: RecognizedWord, piece: Piece): ShownWord => ({
  ...piece,
  start: word.start,
  end: word.end,
  probability: word.probability,
  isEdited: isEdited(word),
});

/** Distributes words evenly over the time of the recognized words that they replace, or over `from` to `to` without any. */
function spread(pieces: readonly Piece[], replaced: readonly RecognizedWord[], from: number, to: number): ShownWord[] {
  const start = replaced[0]?.start ?? from;
  const end = Math.max(start, replaced.at(-1)?.end ?? to);
  const step = (end - start) / Math.max(1, pieces.length);
  const probability = replaced.length === 0 ? 1 : Math.min(...replaced.map((word) => word.probability));
  return pieces.map((piece, i) => ({
    ...piece,
    start: start + i * step,
    end: start + (i + 1) * step,
    probability,
    isEdited: replaced.some(isEdited),
  }));
}

/** The parts of a recognized word that are words of their own, in a script without spaces, with their shares of its time. */
function divided(word: RecognizedWord): RecognizedWord[] {
  const pieces = piecesOf(word.word);
  if (pieces.length < 2) return [word];
  return spread(pieces, [word], word.start, word.end).map(({ text, start, end }) => ({ ...word, word: text, start, end }));
}

/** The words of the segment's text, with the times of the recognized words. */
export function wordsOf(segment: Pick<Segment, 'text' | 'words' | 'start' | 'end'>): ShownWord[] {
  if (textOf(segment.words) === segment.text)
    return segment.words.flatMap((word) => {
      const text = word.word.trim();
      return text === '' ? [] : [asShown(word, { text, isSpaced: word.word.startsWith(' ') })];
    });
  const recognized = segment.words.flatMap(divided);
  const pieces = piecesOf(segment.text);
  const pairs = commonSubsequence(
    recognized.map(({ word }) => plain(word)),
    pieces.map(({ text }) => plain(text)),
  );
  const shown: ShownWord[] = [];
  let [i, j] = [0, 0];
  for (const [atWord, atText] of [...pairs, [recognized.length, pieces.length] as const]) {
    const between = pieces.slice(j, atText);
    if (between.length > 0)
      shown.push(
        ...spread(
          between,
          recognized.slice(i, atWord),
          recognized[i - 1]?.end ?? segment.start,
          recognized[atWord]?.start ?? segment.end,
        ),
      );
    const [word, piece] = [recognized[atWord], pieces[atText]];
    if (word !== undefined && piece !== undefined) shown.push(asShown(word, piece));
    [i, j] = [atWord + 1, atText + 1];
  }
  return shown;
}

/** The words of successive segments. */
export function joinedWords(segments: readonly Segment[]): ShownWord[] {
  const words: ShownWord[] = [];
  for (const segment of segments) {
    const [first, ...others] = wordsOf(segment);
    if (first === undefined) continue;
    words.push({ ...first, isSpaced: isSpacedBetween(words.at(-1)?.text ?? '', first.text) });
    for (const word of others) words.push(word);
  }
  return words;
}

/** Words as one text. */
export const shownText = (words: readonly ShownWord[]): string =>
  words.map(({ text, isSpaced }, i) => (isSpaced && i > 0 ? ` ${text}` : text)).join('');
