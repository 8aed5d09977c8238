/**
 * Word error rate with text normalization as published for Whisper.
 *
 * Case and punctuation are ignored, contractions are expanded, fillers are removed, and numbers become digits.
 * @see https://github.com/openai/whisper/blob/main/whisper/normalizers/english.py (the full set of rules)
 */

/** Substitutions, insertions and deletions per word of the reference. */
export function wordErrorRate(reference: readonly string[], transcript: readonly string[]): number {
  const expected = normalized(reference);
  const actual = normalized(transcript);
  let row = Array.from({ length: actual.length + 1 }, (_, i) => i);
  for (const [i, word] of expected.entries()) {
    const next = [i + 1];
    for (const [j, other] of actual.entries()) {
      next.push(Math.min((row[j] ?? 0) + (word === other ? 0 : 1), (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return expected.length === 0 ? Number(actual.length > 0) : (row.at(-1) ?? 0) / expected.length;
}

/** Splits a text into lower-case words; commas between thousands are removed. */
export const wordsOf = (text: string): string[] =>
  text
    .toLowerCase()
    .replaceAll('’', "'")
    .replace(/(?<=\d),(?=\d{3})/g, '')
    .match(/[\p{L}\p{N}']+/gu) ?? [];

const FILLERS = new Set(['hmm', 'mm', 'mhm', 'mmm', 'uh', 'um']);
const WHOLE: ReadonlyMap<string, string> = new Map([
  ["won't", 'will not'],
  ["can't", 'can not'],
  ['cannot', 'can not'],
  ["let's", 'let us'],
  ['gonna', 'going to'],
  ['wanna', 'want to'],
  ['okay', 'ok'],
]);
/** `'s` may also be a possessive; reference and transcript are treated alike. */
const ENDINGS: ReadonlyArray<readonly [RegExp, string]> = [
  [/n't$/, ' not'],
  [/'re$/, ' are'],
  [/'s$/, ' is'],
  [/'d$/, ' would'],
  [/'ll$/, ' will'],
  [/'ve$/, ' have'],
  [/'m$/, ' am'],
];

function normalized(words: readonly string[]): string[] {
  const plain = words.flatMap((word) => {
    if (FILLERS.has(word)) return [];
    const [ending, replacement] = ENDINGS.find(([pattern]) => pattern.test(word)) ?? [/$/, ''];
    const long = WHOLE.get(word) ?? word.replace(ending, replacement);
    return long.replaceAll("'", '').split(' ').filter(Boolean);
  });
  return withDigits(plain);
}

const TO_NINETEEN = (
  'zero one two three four five six seven eight nine ten eleven twelve ' +
  'thirteen fourteen fifteen sixteen seventeen eighteen nineteen'
).split(' ');
const TENS = 'twenty thirty forty fifty sixty seventy eighty ninety'.split(' ');

function numberOf(word: string): number | undefined {
  const value = TO_NINETEEN.indexOf(word);
  if (value >= 0) return value;
  const tens = TENS.indexOf(word);
  return tens >= 0 ? 20 + 10 * tens : undefined;
}

/** Largest number word that may follow: 9 after `twenty`, 99 after `two hundred`, none after `twelve` or `zero`. */
function roomIn(number: number): number {
  if (number === 0) return 0;
  return number % 100 === 0 ? 99 : number % 10 === 0 && number % 100 > 10 ? 9 : 0;
}

/** A number that is being read: `two hundred thousand five` is 200 thousands and 5. */
interface ReadNumber {
  readonly thousands: number;
  /** Undefined directly after `thousand`. */
  readonly number: number | undefined;
}
const NO_NUMBER: ReadNumber = { thousands: 0, number: undefined };

/** The number with its next word; undefined if the word does not belong to it. */
function extended({ thousands, number }: ReadNumber, word: string): ReadNumber | undefined {
  const value = numberOf(word);
  if (value !== undefined) {
    if (number === undefined) return { thousands, number: value };
    return value > 0 && value <= roomIn(number) ? { thousands, number: number + value } : undefined;
  }
  if (number === undefined || number === 0) return undefined;
  if (word === 'hundred' && number < 100) return { thousands, number: number * 100 };
  return word === 'thousand' && thousands === 0 ? { thousands: number * 1000, number: undefined } : undefined;
}

/** Converts numbers below a million to digits: `twenty five` becomes `25`, `two thousand` becomes `2000`. */
function withDigits(words: readonly string[]): string[] {
  const out: string[] = [];
  let read = NO_NUMBER;
  const end = (): void => {
    if (read !== NO_NUMBER) out.push(String(read.thousands + (read.number ?? 0)));
    read = NO_NUMBER;
  };
  for (const word of words) {
    const longer = extended(read, word);
    if (longer !== undefined) {
      read = longer;
      continue;
    }
    end();
    const first = extended(NO_NUMBER, word);
    if (first === undefined) out.push(word);
    else read = first;
  }
  end();
  return out;
}
