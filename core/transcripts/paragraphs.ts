/**
 * Divides a text into paragraphs, for the pages and all exports. gpu_worker/service/http/paragraphs.py has the same rules.
 *
 * A paragraph ends where the speaker changes, at a long pause, and after a sentence that a pause follows or with which the
 * paragraph has enough words. It ends within a sentence only if the sentence has no end for very long, as in texts without
 * punctuation.
 */
import type { Segment } from '../contracts/transcript.ts';
import { endsSentence } from './punctuation.ts';
import { wordCount } from './spacing.ts';

/** A longer pause ends a paragraph: after a sentence, and anywhere. */
const [SENTENCE_PAUSE_SECONDS, LONG_PAUSE_SECONDS] = [1.5, 4];
/** A paragraph with this many words ends with its sentence. */
const PARAGRAPH_WORDS = 90;
/** A paragraph is divided at its largest pause if more words than this follow each other without the end of a sentence. */
const SENTENCE_WORDS = 250;

type Part = Pick<Segment, 'start' | 'end' | 'text' | 'speaker'>;
interface Counted<Spoken extends Part> {
  readonly segment: Spoken;
  readonly words: number;
  /** Seconds between it and everything before it. */
  readonly pause: number;
}

const wordsOf = (part: readonly { readonly words: number }[]): number => part.reduce((sum, { words }) => sum + words, 0);

/** Whether a paragraph ends before the next segment. */
function endsBefore<Spoken extends Part>(open: readonly Counted<Spoken>[], { segment, pause }: Counted<Spoken>): boolean {
  const last = open.at(-1)?.segment;
  if (last === undefined) return false;
  if (last.speaker !== segment.speaker || pause > LONG_PAUSE_SECONDS) return true;
  return endsSentence(last.text) && (pause > SENTENCE_PAUSE_SECONDS || wordsOf(open) >= PARAGRAPH_WORDS);
}

/** Number of segments before the largest pause that follows enough words. */
function beforeLargestPause<Spoken extends Part>(open: readonly Counted<Spoken>[]): number {
  let [at, largest, words] = [open.length - 1, 0, 0];
  for (const [i, one] of open.entries()) {
    if (words >= PARAGRAPH_WORDS && one.pause >= largest) [at, largest] = [i, one.pause];
    words += one.words;
  }
  return at;
}

/** Number of words since the last end of a sentence. */
const unfinishedWords = <Spoken extends Part>(open: readonly Counted<Spoken>[]): number =>
  wordsOf(open.slice(open.findLastIndex(({ segment }) => endsSentence(segment.text)) + 1));

/** The segments of each paragraph. */
export function paragraphsOf<Spoken extends Part>(segments: readonly Spoken[]): Spoken[][] {
  const paragraphs: Spoken[][] = [];
  const open: Counted<Spoken>[] = [];
  let end = segments[0]?.start ?? 0;
  const close = (count: number): void => {
    if (count > 0) paragraphs.push(open.splice(0, count).map(({ segment }) => segment));
  };
  for (const segment of segments) {
    const next = { segment, words: wordCount(segment.text), pause: Math.max(0, segment.start - end) };
    if (endsBefore(open, next)) close(open.length);
    open.push(next);
    if (unfinishedWords(open) > SENTENCE_WORDS) close(beforeLargestPause(open));
    end = Math.max(end, segment.end);
  }
  close(open.length);
  return paragraphs;
}

/** What stands between paragraphs, such as a mark of missing text. */
interface Between {
  readonly start: number;
}

/** A paragraph, or what stands between two. */
type Block<Spoken, Other> = { readonly paragraph: readonly Spoken[] } | { readonly other: Other };

/** Paragraphs, and what stands between them, in order of time. `between` must be sorted. */
export function withBetween<Spoken extends Part, Other extends Between>(
  segments: readonly Spoken[],
  between: readonly Other[],
): Block<Spoken, Other>[] {
  const blocks: Block<Spoken, Other>[] = [];
  let at = 0;
  const speakUntil = (seconds: number): void => {
    const from = at;
    while ((segments[at]?.start ?? Number.POSITIVE_INFINITY) < seconds) at += 1;
    for (const paragraph of paragraphsOf(segments.slice(from, at))) blocks.push({ paragraph });
  };
  for (const other of between) {
    speakUntil(other.start);
    blocks.push({ other });
  }
  speakUntil(Number.POSITIVE_INFINITY);
  return blocks;
}
