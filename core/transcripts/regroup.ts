/** Regroups the joined words around a boundary into segments. */
import type { Segment } from '../contracts/transcript.ts';
import type { Kept, Word } from './alignment.ts';
import { joinWords } from './boundary.ts';
import { endsSentence, withoutStop } from './punctuation.ts';
import { textOf } from './spacing.ts';

/** Pause that ends a segment, and longest segment. @see gpu_worker/speech/segments.py */
const [SPLIT_PAUSE_SECONDS, MAX_SEGMENT_SECONDS] = [0.6, 7];

/** Values for words of a lead-in, which have no segment. */
const NO_SEGMENT: Segment = {
  id: 0,
  start: 0,
  end: 0,
  text: '',
  avg_logprob: 0,
  no_speech_prob: 0,
  compression_ratio: 1,
  words: [],
};

/** Successive words of one segment, or of the lead-in. */
interface Run {
  /** Undefined for words of the lead-in. */
  readonly segment: Segment | undefined;
  /** Undefined if unknown. */
  readonly language: string | undefined;
  readonly from: Kept['from'];
  readonly words: Word[];
}

const lastOf = (words: readonly Word[]): Word | undefined => words.at(-1);
const lengthOf = (runs: readonly Run[]): number => {
  const words = runs.flatMap((run) => run.words);
  return (lastOf(words)?.end ?? 0) - (words[0]?.start ?? 0);
};

/** Whether a sentence continues from one run to the next. */
function continues(before: Run | undefined, next: Run): boolean {
  const [last, first] = [lastOf(before?.words ?? []), next.words[0]];
  if (before === undefined || last === undefined || first === undefined) return false;
  return first.start - last.end < SPLIT_PAUSE_SECONDS && !endsSentence(last.word);
}

function runsOf(kept: readonly Kept[], segmentOf: (item: Kept) => Segment | undefined, leadIn: string | undefined): Run[] {
  const runs: Run[] = [];
  for (const item of kept) {
    const segment = segmentOf(item);
    const run: Run = {
      segment,
      language: segment === undefined ? leadIn : segment.language,
      from: item.from,
      words: [item.word],
    };
    const last = runs.at(-1);
    const isSame = last !== undefined && last.segment === run.segment && last.from === run.from;
    if (isSame && (run.segment !== undefined || continues(last, run))) last.words.push(item.word);
    else runs.push(run);
  }
  return runs;
}

/** Groups runs into segments: a sentence that continues from one text in the other, up to the longest segment. */
function groupsOf(runs: readonly Run[]): Run[][] {
  const groups: Run[][] = [];
  for (const run of runs) {
    const group = groups.at(-1) ?? [];
    const last = group.at(-1);
    const isSameText = last?.from === run.from && last.segment !== undefined && run.segment !== undefined;
    const fits = lengthOf([...group, run]) <= MAX_SEGMENT_SECONDS && !differs(group, run);
    if (!isSameText && continues(last, run) && fits) group.push(run);
    else groups.push([run]);
  }
  return groups;
}

/** Whether languages or voices differ. */
const differs = (group: readonly Run[], { segment, language }: Run): boolean =>
  group.some(
    (run) =>
      (run.language !== undefined && language !== undefined && run.language !== language) ||
      (run.segment !== undefined && segment !== undefined && run.segment.voice !== segment.voice),
  );

/** One segment of a group of runs. Its other values are those of the run with the most words, or of `fallback`. */
function segmentOf(group: readonly Run[], fallback: Segment): Segment {
  const words = group.flatMap((run) => run.words);
  const [first, last] = [words[0], lastOf(words)];
  const longest = [...group].filter(({ segment }) => segment !== undefined).sort((a, b) => b.words.length - a.words.length)[0];
  const base = longest?.segment ?? fallback;
  if (group.length === 1 && words.length === base.words.length && words.every((word, i) => word === base.words[i])) return base;
  return { ...base, start: first?.start ?? base.start, end: last?.end ?? base.end, text: textOf(words), words };
}

/** Beginning of the shared audio, and the later text's words before its own segments. */
export interface SharedStart {
  readonly start: number;
  /** Words of the lead-in, as decoded with the later chunk. */
  readonly leadIn: readonly Word[];
}

/**
 * Joins the segments of two texts that share audio from `start` to `end`, in seconds of the session. Only the segments near the
 * boundary are needed.
 */
export function joinSegments(
  before: readonly Segment[],
  after: readonly Segment[],
  { start, leadIn }: SharedStart,
  end: number,
): Segment[] {
  const owners = {
    before: before.flatMap((segment) => segment.words.map(() => segment)),
    after: [...leadIn.map(() => undefined), ...after.flatMap((segment) => segment.words.map(() => segment))],
  };
  const words = { before: before.flatMap((one) => one.words), after: [...leadIn, ...after.flatMap((one) => one.words)] };
  const kept = joinWords(words.before, words.after, { start, end });
  const groups = groupsOf(runsOf(kept, ({ from, index }) => owners[from][index], after[0]?.language));
  const fallback = after[0] ?? before.at(-1) ?? NO_SEGMENT;
  return groups.map((group) => segmentOf(group, fallback));
}

/** Removes the full stop at a cut through a sentence: a model ends each text with one, even if the speech continues. */
export function withoutStopAtCut(last: readonly Segment[], next: Segment | undefined): Segment[] {
  return last.map((segment) => {
    const [word, following] = [lastOf(segment.words), next?.words[0]];
    if (word === undefined || following === undefined) return segment;
    const open = withoutStop(word, following);
    const words = [...segment.words.slice(0, -1), open];
    return open === word ? segment : { ...segment, text: textOf(words), words };
  });
}
