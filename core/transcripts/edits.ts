/**
 * What a person has written over the transcript: text for spans of time. It is kept beside the transcript, never in the
 * results, so it is still there when chunks are transcribed again.
 */
import type { Edit } from '../contracts/edits.ts';
import type { Segment, Transcript } from '../contracts/transcript.ts';
import { round } from './join.ts';

type Word = Segment['words'][number];
type Correct = (text: string) => string;

const spoken = (words: readonly Word[]): string =>
  words
    .map(({ word }) => word)
    .join('')
    .trim();

/** Words of a text in a span; their times are reckoned by their letters. */
function written({ start, end, text }: Edit): Word[] {
  const parts = text.split(/\s+/).filter(Boolean);
  const letters = parts.join('').length;
  let at = start;
  return parts.map((part) => {
    const until = at + ((end - start) * part.length) / letters;
    const word = { word: ` ${part}`, start: round(at), end: round(until), probability: 1, interpolated: true } as const;
    at = until;
    return word;
  });
}

interface Part {
  readonly words: Word[];
  readonly text: string;
}

/** A segment's words in runs of those that were heard and those that were written; what was written is not corrected. */
function partsOf(segment: Segment, editOf: (word: Word) => Edit | undefined, begun: Set<Edit>, correct: Correct): Part[] {
  const parts: Part[] = [];
  let heard: Word[] = [];
  const close = (): void => {
    if (heard.length > 0) parts.push({ words: heard, text: correct(spoken(heard)) });
    heard = [];
  };
  for (const word of segment.words) {
    const edit = editOf(word);
    if (edit === undefined) heard.push(word);
    else if (!begun.has(edit)) {
      begun.add(edit);
      close();
      parts.push({ words: written(edit), text: edit.text.trim().replace(/\s+/g, ' ') });
    }
  }
  close();
  return parts;
}

const joined = (segment: Segment, parts: readonly Part[]): Segment[] => {
  const words = parts.flatMap((part) => part.words);
  const [first, last] = [words[0], words.at(-1)];
  if (first === undefined || last === undefined) return [];
  const text = parts.map((part) => part.text).filter(Boolean);
  return [{ ...segment, start: first.start, end: Math.max(first.start, last.end), text: text.join(' '), words }];
};

const UNHEARD = { id: 0, avg_logprob: 0, no_speech_prob: 0, compression_ratio: 1, text: '' };

/**
 * The transcript as its owner wants to read it: a person's edits in the place of the words whose middle lies in their spans,
 * corrections on everything else. Words that nobody edited keep their times and stay as they were heard.
 */
export function presented(transcript: Transcript, correct: Correct, edits: readonly Edit[]): Transcript {
  const begun = new Set<Edit>();
  const ordered = [...edits].sort((a, b) => a.start - b.start);
  /** The last edit that begins before the word's middle, if it reaches so far: spans do not overlap. */
  const editOf = (word: Word): Edit | undefined => {
    const middle = (word.start + word.end) / 2;
    let [low, high] = [0, ordered.length];
    while (low < high) {
      const between = (low + high) >> 1;
      if ((ordered[between]?.start ?? 0) <= middle) low = between + 1;
      else high = between;
    }
    const edit = ordered[low - 1];
    return edit !== undefined && middle < edit.end ? edit : undefined;
  };
  const read = transcript.segments.flatMap((segment) => {
    if (!segment.words.some((word) => editOf(word) !== undefined)) return [{ ...segment, text: correct(segment.text) }];
    return joined(segment, partsOf(segment, editOf, begun, correct));
  });
  const added = edits
    .filter((edit) => !begun.has(edit))
    .flatMap((edit) => joined({ ...UNHEARD, start: 0, end: 0, words: [] }, [{ words: written(edit), text: edit.text.trim() }]));
  const segments = [...read, ...added].sort((a, b) => a.start - b.start).map((segment, id) => ({ ...segment, id }));
  const texts = segments.map(({ text }) => text).filter(Boolean);
  return { ...transcript, segments, text: texts.join(' ') };
}
