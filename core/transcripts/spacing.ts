/** Joins texts and words into one text. gpu_worker/speech/joining/spacing.py has the same rules. */
import type { Segment } from '../contracts/transcript.ts';

/** Letters and marks of scripts without spaces between words: Thai, Lao, Tibetan, Burmese, Khmer, Chinese, Japanese. */
const UNSPACED =
  '[\\u0e00-\\u0fff\\u1000-\\u109f\\u1780-\\u17ff\\u2e80-\\u312f\\u31a0-\\u31ff\\u3400-\\u9fff\\uf900-\\ufaff\\ufe30-\\ufe4f\\uff00-\\uff9f\\u{20000}-\\u{3ffff}]';
const ENDS_UNSPACED = new RegExp(`${UNSPACED}$`, 'u');
const BEGINS_UNSPACED = new RegExp(`^${UNSPACED}`, 'u');

/** Joins texts with a space, except between two characters of scripts without spaces. */
export function joinTexts(texts: readonly string[]): string {
  const pieces: string[] = [];
  let end = ''; // the last two code units: cutting them from the whole text each time would take quadratic time
  for (const text of texts) {
    if (text === '') continue;
    const isSpaced = end !== '' && !(ENDS_UNSPACED.test(end) && BEGINS_UNSPACED.test(text));
    const piece = isSpaced ? ` ${text}` : text;
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
