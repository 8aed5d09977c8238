/** Converts a transcript to paragraphs of words, which can be clicked, searched and edited, and gaps between them. */
import type { Interval } from '../../../core/contracts/intervals.ts';
import type { Transcript } from '../../../core/contracts/transcript.ts';
import { unheardOf } from '../../../core/contracts/without-text.ts';
import { withBetween } from '../../../core/transcripts/paragraphs.ts';
import { beginsUnspaced } from '../../../core/transcripts/spacing.ts';
import { joinedWords, plain, type ShownWord } from '../../../core/transcripts/timed-words.ts';
import { clock } from '../ui/format.ts';

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
