/**
 * Joins two texts that share audio: the end of a chunk, and the beginning of the next one, which was decoded with some of the
 * previous chunk's audio (lead-in) or contains some of it itself (overlap).
 *
 * Steps:
 * 1. Align the words; a matched word is kept once.
 * 2. Between matches, words at the same time are versions of each other. A whole version wins over a cut one; otherwise the first
 *    text's version is kept in the earlier half and the second text's in the later half, where each has audio on both sides.
 * 3. A word that only one text has is kept, unless it may be cut or is improbable.
 * 4. Punctuation and capitals at a transition between the texts are taken from one text.
 */
import {
  align,
  isCutAfter,
  isCutBefore,
  isSameTime,
  type Kept,
  MATCH_SECONDS,
  middle,
  type Shared,
  type Word,
} from './alignment.ts';
import { smoothTransitions } from './punctuation.ts';
import { withoutNeedlessSpaces } from './spacing.ts';
import { MIN_WORD_SECONDS, withDurations } from './word-times.ts';

/** Only this much of the end of the shared audio is aligned, which limits the cost of a boundary. */
const MAX_ALIGNED_SECONDS = 10;
/** Versions longer than this are not chosen as a whole; each word is chosen by its time. */
const MAX_VERSION_SECONDS = 2;
/** A word that only one text has is dropped if it is not more probable than this. */
const MIN_PROBABILITY = 0.35;

const isProbable = ({ probability, interpolated }: Word): boolean => interpolated === true || probability > MIN_PROBABILITY;

/** Groups words at the same time, in order of time. A word without a version in the other text is a group of its own. */
function versions(words: readonly Kept[]): Kept[][] {
  const groups: Kept[][] = [];
  for (const item of [...words].sort((a, b) => middle(a.word) - middle(b.word))) {
    const isVersion = (other: Kept): boolean => other.from !== item.from && isSameTime(other.word, item.word);
    const first = groups.findIndex((group) => group.some(isVersion));
    groups.push([...(first === -1 ? [] : groups.splice(first).flat()), item]);
  }
  return groups;
}

const byFrom = (group: readonly Kept[], from: Kept['from']): Kept[] => group.filter((item) => item.from === from);

/** Chooses among the versions of some words. */
function chooseVersion(group: readonly Kept[], shared: Shared): readonly Kept[] {
  const half = (shared.start + shared.end) / 2;
  const [before, after] = [byFrom(group, 'before'), byFrom(group, 'after')];
  if (before.length === 0 || after.length === 0) return group.filter(({ word, from }) => isKeptUnmatched(word, from, shared));
  const isCut = {
    before: before.every(({ word }) => isCutBefore(word, shared)),
    after: after.every(({ word }) => isCutAfter(word, shared)),
  };
  if (isCut.before !== isCut.after) return isCut.before ? after : before;
  const [first, last] = [group[0]?.word.start ?? 0, group.at(-1)?.word.end ?? 0];
  if (last - first > MAX_VERSION_SECONDS)
    return group.filter(({ word, from }) => (middle(word) < half ? from === 'before' : from === 'after'));
  if (isCut.before) return seconds(before) > seconds(after) ? before : after;
  return group.reduce((sum, { word }) => sum + middle(word), 0) / group.length < half ? before : after;
}

/** Merges two equal words. If their times differ, one of them is cut or stretched over a pause. */
function matchedWord(one: Kept, other: Kept, shared: Shared): Kept {
  const [isCutOne, isCutOther] = [isCutBefore(one.word, shared), isCutAfter(other.word, shared)];
  const keepsFirst = isCutOne === isCutOther ? middle(one.word) < (shared.start + shared.end) / 2 : isCutOther;
  const kept = keepsFirst ? one : other;
  const start = isCutOther ? one.word.start : Math.max(one.word.start, other.word.start);
  const end = isCutOne ? other.word.end : Math.min(one.word.end, other.word.end);
  return end - start < MIN_WORD_SECONDS ? kept : { ...kept, word: { ...kept.word, start, end } };
}

const seconds = (words: readonly Kept[]): number => words.reduce((sum, { word }) => sum + word.end - word.start, 0);

/** Whether to keep a word that only one text has. It is always kept if the other text may lack its audio. */
function isKeptUnmatched(word: Word, from: Kept['from'], shared: Shared): boolean {
  const [isBeyond, isCut] =
    from === 'before'
      ? [isCutAfter(word, shared), isCutBefore(word, shared)]
      : [isCutBefore(word, shared), isCutAfter(word, shared)];
  return isBeyond || (!isCut && isProbable(word));
}

/** Joins the words of two texts that share audio; all times are in seconds of the session. */
export function joinWords(before: readonly Word[], after: readonly Word[], { start, end }: Shared): Kept[] {
  const shared = { start: Math.max(start, end - MAX_ALIGNED_SECONDS), end };
  const items = (words: readonly Word[], from: Kept['from']): Kept[] => words.map((word, index) => ({ word, from, index }));
  const first = before.findIndex((word) => word.end > shared.start - MATCH_SECONDS);
  const alignedFrom = first === -1 ? before.length : first;
  /** If only the end of the shared audio is aligned, the audio before it belongs to the first text. */
  const isOwn = shared.start > start ? (word: Word) => middle(word) >= shared.start : () => true;
  const [a, rest] = [items(before, 'before'), items(after, 'after').filter(({ word }) => isOwn(word))];
  const past = rest.findIndex(({ word }) => word.start >= end + MATCH_SECONDS);
  const [tail, head] = [a.slice(alignedFrom), past === -1 ? rest : rest.slice(0, past)];
  const pairs = align(
    tail.map(({ word }) => word),
    head.map(({ word }) => word),
    shared,
  );
  const kept = a.slice(0, alignedFrom);
  let [i, j] = [0, 0];
  for (const pair of [...pairs, { before: tail.length, after: head.length }]) {
    const between = [...tail.slice(i, pair.before), ...head.slice(j, pair.after)];
    for (const group of versions(between)) kept.push(...chooseVersion(group, shared));
    const [one, other] = [tail[pair.before], head[pair.after]];
    if (one !== undefined && other !== undefined) kept.push(matchedWord(one, other, shared));
    [i, j] = [pair.before + 1, pair.after + 1];
  }
  const matched = pairs.map((pair) => ({ before: tail[pair.before]?.index ?? 0, after: head[pair.after]?.index ?? 0 }));
  const joined = [...smoothTransitions(kept, before, after, matched), ...rest.slice(head.length)];
  // The times of two decodes may contradict each other.
  const timed = withDurations(withoutNeedlessSpaces(joined.map(({ word }) => word)));
  return joined.map((item, index) => ({ ...item, word: timed[index] ?? item.word }));
}
