/** Punctuation and capitals at transitions between two texts, so that they read as one. */
import type { Kept, Pair, Word } from './alignment.ts';

/** Space and opening marks, the word itself, and the marks that end a phrase or sentence. */
const PARTS = /^([\s\p{Ps}\p{Pi}"'¿¡]*)(.*?)([.,!?;:…。、，！？；：]*)$/su;
const partsOf = (word: string): readonly [string, string, string] => {
  const [, opening = '', core = word, marks = ''] = PARTS.exec(word) ?? [];
  return [opening, core, marks];
};

const SENTENCE_END = /[.!?…。！？]["'”’»)\]]*$/u;
export const endsSentence = (word: string): boolean => SENTENCE_END.test(word);

/** The word with the punctuation of another version of it. */
function withMarksOf(word: Word, other: Word): Word {
  const [opening, core] = partsOf(word.word);
  return { ...word, word: opening + core + partsOf(other.word)[2] };
}

/** The word with the capitals of another version of it. */
function withCapitalsOf(word: Word, other: Word): Word {
  const [[opening, core, marks], [, otherCore]] = [partsOf(word.word), partsOf(other.word)];
  return core.toLowerCase() === otherCore.toLowerCase() ? { ...word, word: opening + otherCore + marks } : word;
}

/** Speech that continues within this time after a word may belong to the same sentence. */
const CONTINUES_SECONDS = 0.5;
const FULL_STOP = /(?<![.…].*)[.…]+$/su;

/** Removes a word's full stop if the next word continues in lower case: the model put it only because the audio ended. */
export function withoutStop(word: Word, next: Word): Word {
  const continues = next.start - word.end < CONTINUES_SECONDS && /^\s*\p{Ll}/u.test(next.word);
  return continues && FULL_STOP.test(word.word) ? { ...word, word: word.word.replace(FULL_STOP, '') } : word;
}

/**
 * At a transition, the punctuation before it and the capital after it are taken from a text that has both words in a row: from
 * the text after the transition, or else from the text before it. If neither has both, only a full stop in mid-sentence is
 * removed.
 */
export function smoothTransitions(
  kept: readonly Kept[],
  before: readonly Word[],
  after: readonly Word[],
  matched: readonly Pair[],
): Kept[] {
  const texts = { before, after };
  /** Index of a word of one text -> index of the same word in the other text. */
  const twin = {
    before: new Map(matched.map((pair) => [pair.before, pair.after])),
    after: new Map(matched.map((pair) => [pair.after, pair.before])),
  };
  const joined = [...kept];
  for (let k = 1; k < joined.length; k++) {
    const [one, next] = [joined[k - 1], joined[k]];
    if (one === undefined || next === undefined || one.from === next.from) continue;
    const twinOfOne = twin[one.from].get(one.index);
    const twinOfNext = twin[next.from].get(next.index);
    const asOne = twinOfOne === next.index - 1 ? texts[next.from][twinOfOne] : undefined;
    const asNext = twinOfNext === one.index + 1 ? texts[one.from][twinOfNext] : undefined;
    if (asOne !== undefined) joined[k - 1] = { ...one, word: withMarksOf(one.word, asOne) };
    else if (asNext !== undefined) joined[k] = { ...next, word: withCapitalsOf(next.word, asNext) };
    else if (one.from === 'before') joined[k - 1] = { ...one, word: withoutStop(one.word, next.word) };
  }
  return joined;
}
