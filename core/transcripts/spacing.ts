/** Joins texts and words into one text. gpu_worker/speech/joining/spacing.py has the same rules. */
import type { Segment } from '../contracts/transcript.ts';

/** Letters and marks of scripts without any spaces: Chinese, Japanese. */
const HAN_AND_KANA =
  '\\u2e80-\\u312f\\u31a0-\\u31ff\\u3400-\\u9fff\\uf900-\\ufaff\\ufe30-\\ufe4f\\uff00-\\uff9f\\u{20000}-\\u{3ffff}';
/** The same of all scripts without spaces between words: also Thai, Lao, Tibetan, Burmese, Khmer. */
const UNSPACED = `[\\u0e00-\\u0fff\\u1000-\\u109f\\u1780-\\u17ff${HAN_AND_KANA}]`;
const NEEDLESS_SPACE = new RegExp(`[${HAN_AND_KANA}]\\0\\s+[${HAN_AND_KANA}]`, 'u');
const ENDS_UNSPACED = new RegExp(`${UNSPACED}$`, 'u');
const BEGINS_UNSPACED = new RegExp(`^${UNSPACED}`, 'u');
const EACH_UNSPACED = new RegExp(UNSPACED, 'gu');
const OPENING = '[\\p{Ps}\\p{Pi}]';
const PIECES = new RegExp(
  `${OPENING}*(?!${OPENING})${UNSPACED}(?:(?!${OPENING})[\\p{M}\\p{P}])*|(?:(?!${UNSPACED})\\S)+|\\S`,
  'gu',
);

export const beginsUnspaced = (text: string): boolean => BEGINS_UNSPACED.test(text);

/** Whether a space separates two texts: not between two characters of scripts without spaces. */
export const isSpacedBetween = (before: string, after: string): boolean =>
  !(ENDS_UNSPACED.test(before.slice(-2)) && beginsUnspaced(after));

/** Joins texts, with a space where one belongs. */
export function joinTexts(texts: readonly string[]): string {
  const pieces: string[] = [];
  let end = ''; // the last two code units: cutting them from the whole text each time would take quadratic time
  for (const text of texts) {
    if (text === '') continue;
    const piece = end !== '' && isSpacedBetween(end, text) ? ` ${text}` : text;
    pieces.push(piece);
    end = (end + piece).slice(-2);
  }
  return pieces.join('');
}

/** Joins the words of a segment, which contain their own spaces. */
export const textOf = (words: Segment['words']): string =>
  words
    .map(({ word }) => word)
    .join('')
    .trim();

/** The words, in Chinese and Japanese without the spaces that models put at the beginning of a text or between phrases. */
export const withoutNeedlessSpaces = (words: Segment['words']): Segment['words'] =>
  words.map((word, i) => {
    const isNeedless = NEEDLESS_SPACE.test(`${words[i - 1]?.word ?? ''}\0${word.word}`);
    return isNeedless ? { ...word, word: word.word.trimStart() } : word;
  });

/** Number of words; in scripts without spaces two characters count as one. */
export const wordCount = (text: string): number =>
  text.split(/\s+/).filter(Boolean).length + (text.match(EACH_UNSPACED)?.length ?? 0) / 2;

/** A word of a text; `isSpaced`: a space precedes it. */
export interface Piece {
  readonly text: string;
  readonly isSpaced: boolean;
}

/** The words of a text; in scripts without spaces, its characters with their marks. */
export const piecesOf = (text: string): Piece[] =>
  [...text.matchAll(PIECES)].map(({ 0: piece, index }) => ({ text: piece, isSpaced: /\s/.test(text.charAt(index - 1)) }));

/** Control characters, and others that XML 1.0 forbids. Some parsers of subtitles end a text at them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are removed
const FORBIDDEN = /[\u0000-\u0008\u000e-\u001f\u007f\ufffe\uffff]/g;
/** The text as one line that every format can contain. */
export const oneLine = (text: string): string => text.toWellFormed().replace(FORBIDDEN, '').replace(/\s+/g, ' ').trim();
