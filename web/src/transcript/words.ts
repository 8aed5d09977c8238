/**
 * A transcript as words with places in time, which can be clicked, searched and edited.
 *
 * What is shown is the text as its owner reads it (corrections and edits applied); times come from the words that were heard.
 * Where a correction has changed words, the ones it made share the time of those it took the place of.
 */
import type { Segment, Transcript } from '../../../core/contracts/transcript.ts';

export interface ShownWord {
  readonly text: string;
  /** Seconds from the beginning. */
  readonly start: number;
  readonly end: number;
  /** 0 to 1, as the model gave it. */
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
  /** The chunk that lacks, where a whole one does. */
  readonly chunkNumber?: number;
}
export type Block = Paragraph | Gap;

const plain = (text: string): string => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');

/** Longest common subsequence of two short lists: pairs of places, in order. */
function common(a: readonly string[], b: readonly string[]): [number, number][] {
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  const at = (i: number, j: number): number => lengths[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--) {
      const row = lengths[i];
      if (row !== undefined) row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  const pairs: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if (at(i + 1, j) >= at(i, j + 1)) i += 1;
    else j += 1;
  }
  return pairs;
}

type Heard = Segment['words'][number];
const isEdited = (word: Heard): boolean => word.interpolated === true && word.probability === 1;
const asShown = (word: Heard, text: string): ShownWord => ({
  text,
  start: word.start,
  end: word.end,
  probability: word.probability,
  isEdited: isEdited(word),
});

/** Words of a text between two times, spread over them. */
function spread(texts: readonly string[], replaced: readonly Heard[], from: number, to: number): ShownWord[] {
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

/** The segment's text, word for word, with the times of the words that were heard. */
export function wordsOf(segment: Pick<Segment, 'text' | 'words' | 'start' | 'end'>): ShownWord[] {
  const heard = segment.words;
  const texts = segment.text.split(/\s+/).filter(Boolean);
  const same = heard.length === texts.length && heard.every(({ word }, i) => word.trim() === texts[i]);
  if (same) return heard.map((word, i) => asShown(word, texts[i] ?? ''));
  const pairs = common(
    heard.map(({ word }) => plain(word)),
    texts.map(plain),
  );
  const shown: ShownWord[] = [];
  let [i, j] = [0, 0];
  for (const [atHeard, atText] of [...pairs, [heard.length, texts.length] as const]) {
    const between = texts.slice(j, atText);
    if (between.length > 0)
      shown.push(
        ...spread(between, heard.slice(i, atHeard), heard[i - 1]?.end ?? segment.start, heard[atHeard]?.start ?? segment.end),
      );
    const word = heard[atHeard];
    if (word !== undefined) shown.push(asShown(word, texts[atText] ?? ''));
    [i, j] = [atHeard + 1, atText + 1];
  }
  return shown;
}

/** Silence that begins a new paragraph, and words after which one may end. */
const [PARAGRAPH_PAUSE, PARAGRAPH_WORDS] = [1.5, 90];

type Readable = Pick<Transcript, 'segments' | 'gaps' | 'coverage'>;
const isWithin = (at: { start: number; end: number }, gaps: Readable['gaps']): boolean =>
  gaps.some(({ start, end }) => at.start >= start - 0.01 && at.end <= end + 0.01);

/** Chunks without text, and stretches in which somebody speaks and nothing was understood. */
const gapsOf = ({ gaps, coverage }: Readable): Gap[] => [
  ...gaps.map((gap): Gap => ({ kind: 'gap', ...gap })),
  ...coverage
    .filter((part) => (part.kind === 'failed' || part.kind === 'missing') && !isWithin(part, gaps))
    .map(({ start, end }): Gap => ({ kind: 'gap', start, end, reason: 'somebody speaks here, but no words were understood' })),
];

/** Paragraphs and gaps in the order of time. */
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

/** The last word that has begun at this time, or -1. `words` in their order. */
export function wordAt(words: readonly ShownWord[], seconds: number): number {
  let [low, high] = [0, words.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((words[middle]?.start ?? 0) <= seconds) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Where these words are said one after the other: index of the first, and how many. Case and punctuation do not count. */
export function findWords(words: readonly ShownWord[], query: string): { readonly at: number; readonly count: number }[] {
  const wanted = query.split(/\s+/).map(plain).filter(Boolean);
  if (wanted.length === 0) return [];
  const said = words.map(({ text }) => plain(text));
  const found: { at: number; count: number }[] = [];
  for (let at = 0; at + wanted.length <= said.length; at++) {
    // The last word of the query may still be in the writing.
    const isHere = wanted.every((want, i) => (i === wanted.length - 1 ? said[at + i]?.startsWith(want) : said[at + i] === want));
    if (isHere) found.push({ at, count: wanted.length });
  }
  return found;
}
