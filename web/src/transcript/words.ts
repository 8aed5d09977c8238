/**
 * Converts a transcript to words with times, which can be clicked, searched and edited.
 *
 * The text includes corrections and edits; the times come from the recognized words. Words that a correction has changed share
 * the time of the words that they replace.
 */
import type { Interval } from '../../../core/contracts/intervals.ts';
import type { Segment, Transcript } from '../../../core/contracts/transcript.ts';
import { unheardOf } from '../../../core/contracts/without-text.ts';
import { withBetween } from '../../../core/transcripts/paragraphs.ts';
import { beginsUnspaced, isSpacedBetween, type Piece, piecesOf, textOf } from '../../../core/transcripts/spacing.ts';
import { clock } from '../ui/format.ts';

export interface ShownWord extends Piece {
  /** Seconds from the start of the recording. */
  readonly start: number;
  readonly end: number;
  /** 0 to 1, from the model. */
  readonly probability: number;
  readonly isEdited: boolean;
}

interface Paragraph {
  readonly kind: 'words';
  readonly start: number;
  readonly speaker: string | undefined;
  readonly words: readonly ShownWord[];
}
export interface Gap {
  readonly kind: 'gap';
  readonly start: number;
  readonly end: number;
  /** What is missing, and where, in a sentence. */
  readonly text: string;
  /** Set when the gap is a whole chunk. */
  readonly chunkNumber?: number;
}
export type Block = Paragraph | Gap;

/** Lower case without punctuation. Most words have none, and testing that is faster than replacing it. */
function plain(text: string): string {
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
function joinedWords(segments: readonly Segment[]): ShownWord[] {
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

type Readable = Pick<Transcript, 'segments' | 'gaps' | 'coverage' | 'no_signal'>;

const timeOf = ({ start, end }: Interval): string => `${clock(start)} to ${clock(end)}`;
const gapAt = ({ start, end }: Interval, text: string): Gap => ({ kind: 'gap', start, end, text });

/** Chunks without text, speech without recognized words, and where the microphone delivered no sound. */
const gapsOf = ({ gaps, coverage, no_signal = [] }: Readable): Gap[] => [
  ...gaps.map((gap) => ({ ...gapAt(gap, `${timeOf(gap)}: ${gap.reason}`), chunkNumber: gap.chunkNumber })),
  ...unheardOf({ gaps, coverage }).map((one) => gapAt(one, `${timeOf(one)}: speech without recognized words`)),
  ...no_signal.map((one) => gapAt(one, `No signal from ${timeOf(one)}: the microphone delivered no sound`)),
];

/** Paragraphs and gaps, sorted by time. */
export function blocksOf(transcript: Readable): Block[] {
  const gaps = gapsOf(transcript).sort((a, b) => a.start - b.start);
  return withBetween(transcript.segments, gaps).flatMap((block): Block[] => {
    if ('other' in block) return [block.other];
    const words = joinedWords(block.paragraph);
    const [first] = block.paragraph;
    return first === undefined || words.length === 0
      ? []
      : [{ kind: 'words', start: first.start, speaker: first.speaker, words }];
  });
}

/** Index of the last word that has started at this time, or -1. `words` must be sorted. */
export function wordAt(words: readonly ShownWord[], seconds: number): number {
  let [low, high] = [0, words.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((words[middle]?.start ?? 0) <= seconds) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Hits of a search, in order: indices of their first words, and of the words after their last ones. */
export interface Found {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** Searches in words without reading them again for each query. Ignores case and punctuation. */
export function searchIn(words: readonly ShownWord[]): (query: string) => Found {
  let text = '';
  /** Position of each word in `text`, with the space before it. */
  const positions = new Uint32Array(words.length);
  for (const [i, word] of words.entries()) {
    positions[i] = text.length;
    text += word.isSpaced || i === 0 ? ` ${plain(word.text)}` : plain(word.text);
  }
  return (query) => {
    const wanted = query.split(/\s+/).map(plain).filter(Boolean).join(' ');
    const [starts, ends]: [number[], number[]] = [[], []];
    if (wanted === '') return { starts, ends };
    // The user may still be typing the last word, so its beginning is enough. In scripts without spaces any character may begin a word.
    const pattern = beginsUnspaced(wanted) ? wanted : ` ${wanted}`;
    let word = 0;
    const wordAfter = (at: number): number => {
      while ((positions[word] ?? text.length) <= at) word += 1;
      return word;
    };
    for (let at = text.indexOf(pattern); at >= 0; at = text.indexOf(pattern, at + 1)) {
      starts.push(wordAfter(at) - 1);
      ends.push(wordAfter(at + pattern.length - 1));
      word = starts.at(-1) ?? 0;
    }
    return { starts, ends };
  };
}
