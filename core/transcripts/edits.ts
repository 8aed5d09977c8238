/**
 * Applies a user's edits and corrections to a transcript. Edits are texts for spans of time. They are stored separately, never in
 * the results, so they survive when chunks are transcribed again.
 */
import type { Edit } from '../contracts/edits.ts';
import type { Segment, Transcript } from '../contracts/transcript.ts';
import { beginsUnspaced, joinTexts, piecesOf, textOf } from './spacing.ts';
import { round } from './times.ts';

type Word = Segment['words'][number];
type Correct = (text: string) => string;

/** Words of an edit. Their times divide the span in proportion to their lengths. */
function wordsOfEdit({ start, end, text }: Edit): Word[] {
  const parts = piecesOf(text);
  const letters = parts.reduce((sum, part) => sum + part.text.length, 0);
  let at = start;
  return parts.map((part, i) => {
    const until = at + ((end - start) * part.text.length) / letters;
    const isSpaced = i === 0 ? !beginsUnspaced(part.text) : part.isSpaced;
    const word = {
      word: isSpaced ? ` ${part.text}` : part.text,
      start: round(at),
      end: round(until),
      probability: 1,
      interpolated: true,
    } as const;
    at = until;
    return word;
  });
}

interface Part {
  readonly words: Word[];
  readonly text: string;
}

/** Splits a segment into parts: recognized words, which are corrected, and edits, which are not. */
function partsOf(segment: Segment, editOf: (word: Word) => Edit | undefined, begun: Set<Edit>, correct: Correct): Part[] {
  const parts: Part[] = [];
  let recognized: Word[] = [];
  const close = (): void => {
    if (recognized.length > 0) parts.push({ words: recognized, text: correct(textOf(recognized)) });
    recognized = [];
  };
  for (const word of segment.words) {
    const edit = editOf(word);
    if (edit === undefined) recognized.push(word);
    else if (!begun.has(edit)) {
      begun.add(edit);
      close();
      parts.push({ words: wordsOfEdit(edit), text: edit.text.trim().replace(/\s+/g, ' ') });
    }
  }
  close();
  return parts;
}

const joined = (segment: Segment, parts: readonly Part[]): Segment[] => {
  const words = parts.flatMap((part) => part.words);
  const [first, last] = [words[0], words.at(-1)];
  if (first === undefined || last === undefined) return [];
  return [
    {
      ...segment,
      start: first.start,
      end: Math.max(first.start, last.end),
      text: joinTexts(parts.map(({ text }) => text)),
      words,
    },
  ];
};

/** Values of a segment that consists of an edit only. */
const EDIT_SEGMENT = { id: 0, avg_logprob: 0, no_speech_prob: 0, compression_ratio: 1, text: '' };

/**
 * The transcript with the user's changes: an edit replaces the words whose middle lies in its span; corrections apply to the text
 * of everything else. The list of words changes only by edits.
 */
export function withUserChanges(transcript: Transcript, correct: Correct, edits: readonly Edit[]): Transcript {
  if (edits.length === 0) {
    const segments = transcript.segments.map((segment) => ({ ...segment, text: correct(segment.text) }));
    return { ...transcript, segments, text: joinTexts(segments.map(({ text }) => text)) };
  }
  const begun = new Set<Edit>();
  const ordered = [...edits].sort((a, b) => a.start - b.start);
  /** The last edit that begins before the word's middle, if it contains the middle. Spans do not overlap. */
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
    .flatMap((edit) =>
      joined({ ...EDIT_SEGMENT, start: 0, end: 0, words: [] }, [{ words: wordsOfEdit(edit), text: edit.text.trim() }]),
    );
  const segments = [...read, ...added].sort((a, b) => a.start - b.start).map((segment, id) => ({ ...segment, id }));
  return { ...transcript, segments, text: joinTexts(segments.map(({ text }) => text)) };
}
