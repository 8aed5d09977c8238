/**
 * Converts a transcript to words with times, which can be clicked, searched and edited.
 *
 * The text includes corrections and edits; the times come from the recognized words. Words that a correction has changed share
 * the time of the words that they replace.
 */
import type { Segment, Transcript } from '../../../core/contracts/transcript.ts';

export interface ShownWord {
  readonly text: string;
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
  readonly reason: string;
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
const asShown = (word: RecognizedWord, text: string): ShownWord => ({
  text,
  start: word.start,
  end: word.end,
  probability: word.probability,
  isEdited: isEdited(word),
});

/** Distributes words evenly over the time of the recognized words that they replace, or over `from` to `to` without any. */
function spread(texts: readonly string[], replaced: readonly RecognizedWord[], from: number, to: number): ShownWord[] {
  const start = replaced[0]?.start ?? from;
  const end = Math.max(start, replaced.at(-1)?.end ?? to);
  const step = (end - start) / Math.max(1, texts.length);
  const probability = replaced.length === 0 ? 1 : Math.min(...replaced.map((word) => word.probability));
  return texts.map((text, i) => ({
    text,
    start: start + i * step,
    end: start + (i + 1) * step,
    probability,
    isEdited: replaced.some(isEdited),
  }));
}

/** The words of the segment's text, with the times of the recognized words. */
export function wordsOf(segment: Pick<Segment, 'text' | 'words' | 'start' | 'end'>): ShownWord[] {
  const recognized = segment.words;
  const texts = segment.text.split(/\s+/).filter(Boolean);
  const isSame = recognized.length === texts.length && recognized.every(({ word }, i) => word.trim() === texts[i]);
  if (isSame) return recognized.map((word, i) => asShown(word, texts[i] ?? ''));
  const pairs = commonSubsequence(
    recognized.map(({ word }) => plain(word)),
    texts.map(plain),
  );
  const shown: ShownWord[] = [];
  let [i, j] = [0, 0];
  for (const [atWord, atText] of [...pairs, [recognized.length, texts.length] as const]) {
    const between = texts.slice(j, atText);
    if (between.length > 0)
      shown.push(
        ...spread(
          between,
          recognized.slice(i, atWord),
          recognized[i - 1]?.end ?? segment.start,
          recognized[atWord]?.start ?? segment.end,
        ),
      );
    const word = recognized[atWord];
    if (word !== undefined) shown.push(asShown(word, texts[atText] ?? ''));
    [i, j] = [atWord + 1, atText + 1];
  }
  return shown;
}

/** The next segment starts a new paragraph after more seconds of silence, or more words. */
const [PARAGRAPH_PAUSE, PARAGRAPH_WORDS] = [1.5, 90];

type Readable = Pick<Transcript, 'segments' | 'gaps' | 'coverage'>;
const isWithin = (at: { start: number; end: number }, gaps: Readable['gaps']): boolean =>
  gaps.some(({ start, end }) => at.start >= start - 0.01 && at.end <= end + 0.01);

/** Chunks without text, and spans with speech in which no words were recognized. */
const gapsOf = ({ gaps, coverage }: Readable): Gap[] => [
  ...gaps.map((gap): Gap => ({ kind: 'gap', ...gap })),
  ...coverage
    .filter((part) => (part.kind === 'failed' || part.kind === 'missing') && !isWithin(part, gaps))
    .map(({ start, end }): Gap => ({ kind: 'gap', start, end, reason: 'speech without recognized words' })),
];

/** Paragraphs and gaps, sorted by time. */
export function blocksOf(transcript: Readable): Block[] {
  const gaps = gapsOf(transcript).sort((a, b) => a.start - b.start);
  const blocks: Block[] = [];
  let open: { start: number; end: number; speaker: string | undefined; words: ShownWord[] } | undefined;
  const close = (): void => {
    if (open !== undefined && open.words.length > 0)
      blocks.push({ kind: 'words', start: open.start, speaker: open.speaker, words: open.words });
    open = undefined;
  };
  for (const segment of transcript.segments) {
    while (gaps[0] !== undefined && gaps[0].start <= segment.start) {
      close();
      blocks.push(...gaps.splice(0, 1));
    }
    const isNew =
      open === undefined ||
      open.speaker !== segment.speaker ||
      segment.start - open.end > PARAGRAPH_PAUSE ||
      open.words.length > PARAGRAPH_WORDS;
    if (isNew) {
      close();
      open = { start: segment.start, end: segment.end, speaker: segment.speaker, words: [] };
    }
    open?.words.push(...wordsOf(segment));
    if (open !== undefined) open.end = segment.end;
  }
  close();
  return [...blocks, ...gaps];
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

/** Hits of a search: indices of their first words, in order, and the number of words of each. */
export interface Found {
  readonly starts: readonly number[];
  readonly count: number;
}
const NOTHING: Found = { starts: [], count: 0 };

/** Searches in words without reading them again for each query. Ignores case and punctuation. */
export function searchIn(words: readonly ShownWord[]): (query: string) => Found {
  let text = ' ';
  /** Position of each word in `text`. */
  const positions = new Uint32Array(words.length);
  for (const [i, word] of words.entries()) {
    positions[i] = text.length;
    text += `${plain(word.text)} `;
  }
  return (query) => {
    const wanted = query.split(/\s+/).map(plain).filter(Boolean);
    if (wanted.length === 0) return NOTHING;
    // The user may still be typing the last word, so its beginning is enough.
    const pattern = ` ${wanted.join(' ')}`;
    const starts: number[] = [];
    let word = 0;
    for (let at = text.indexOf(pattern); at >= 0; at = text.indexOf(pattern, at + 1)) {
      while ((positions[word] ?? text.length) <= at) word += 1;
      starts.push(word);
    }
    return { starts, count: wanted.length };
  };
}
