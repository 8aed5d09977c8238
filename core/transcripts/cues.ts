/**
 * Lays out subtitles: which words stand together in a cue, and how a cue is broken into lines. gpu_worker/service/http/cues.py has
 * the same rules.
 *
 * A cue has at most two lines of 42 characters (16 full-width ones), can be read at 20 characters a second, and stays for 0.83 s
 * where the speech allows. Words and their times are never changed. Limits: Netflix's timed text style guide.
 * @see https://partnerhelp.netflixstudios.com/hc/en-us/articles/215758617
 */
import type { Segment } from '../contracts/transcript.ts';
import { isSpacedBetween, oneLine, piecesOf, textOf } from './spacing.ts';

export interface Cue {
  readonly start: number;
  readonly end: number;
  readonly lines: readonly string[];
  /** The words of each line, with their times. */
  readonly words: readonly (readonly Token[])[];
  readonly speaker?: string | undefined;
}

const LINE_UNITS = 42;
const FULL_WIDTH_UNITS = LINE_UNITS / 16;
const CHARACTERS_PER_SECOND = 20;
const [SHORTEST_SECONDS, LONGEST_SECONDS] = [0.83, 7];
/** A pause this long ends a cue. @see gpu_worker/speech/segments.py */
const PAUSE_SECONDS = 0.6;

/** Costs of a layout; the cheapest one is chosen. */
const COST = {
  cue: 10,
  crossedSentence: 11,
  perFastCharacter: 2,
  short: 10,
  perLongSecond: 4,
  perUnevenUnit: 0.1,
  tiny: 8,
  forbidden: 100,
} as const;
/** Less text than this beside other text is a tiny cue. */
const TINY_UNITS = 14;

const FULL_WIDTH =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u;
const [SENTENCE_END, CLAUSE_END] = [/[.!?…。！？]["'”’»)\]]*$/u, /[,;:—–、，；：]["'”’»)\]]*$/u];

/** Tokens that no line ends or begins with: opening marks; other marks, and Japanese characters that continue a syllable. */
const [NEVER_LAST, NEVER_FIRST] = [
  /^[\p{Ps}\p{Pi}]+$/u,
  /^(?:(?![\p{Ps}\p{Pi}]+$)\p{P}+$|[ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶー々ゝゞ])/u,
];

/** Words before which a line may break, and after which it should not. */
const PHRASE_WORDS = new Set(
  (
    'and or but because that which who when where while if than so to of in on at for with from by as into about the a an my your his her our their ' +
    'und oder aber weil dass wenn als ob der die das dem den des ein eine einen einem einer zu von mit in im an am auf für bei nach aus über ' +
    'et ou mais que qui quand si le la les un une des de du à au aux en dans sur pour avec par ' +
    'y o pero porque el los las una unos del al con por para sin sobre ' +
    'e ma perché che il lo gli uno di da con su per tra'
  ).split(' '),
);

/** A word that is not broken. `isSpaced`: a space stands before it. */
interface Token {
  readonly text: string;
  readonly isSpaced: boolean;
  readonly start: number;
  readonly end: number;
  readonly units: number;
}

const unitsOf = (text: string): number => {
  let units = 0;
  for (const character of text) units += FULL_WIDTH.test(character) ? FULL_WIDTH_UNITS : 1;
  return units;
};
/** A blank line would end the cue, and an arrow would be parsed as times. */
const cueLine = (text: string): string => oneLine(text).replaceAll('-->', '->');

const token = (text: string, isSpaced: boolean, start: number, end: number): Token => ({
  ...{ text, isSpaced, start, end },
  units: unitsOf(text),
});

/** A text as tokens of at most one line, which share its time by their length. */
function broken(text: string, isSpaced: boolean, start: number, end: number): Token[] {
  const whole = token(text, isSpaced, start, end);
  if (whole.units <= LINE_UNITS) return [whole];
  const pieces: string[] = [''];
  for (const character of text) {
    const longer = `${pieces.at(-1)}${character}`;
    if (unitsOf(longer) <= LINE_UNITS) pieces[pieces.length - 1] = longer;
    else pieces.push(character);
  }
  let at = start;
  return pieces.map((piece, i) => {
    const from = at;
    at += ((end - start) * unitsOf(piece)) / whole.units;
    return token(piece, isSpaced && i === 0, from, at);
  });
}

/** The tokens of a segment. Corrected texts have no words with times: their words share the time by their length. */
function tokensOf({ text, words, start, end }: Segment): Token[] {
  const clean = cueLine(text);
  if (cueLine(textOf(words)) === clean)
    return words.flatMap((one) => {
      const word = cueLine(one.word);
      return word === '' ? [] : broken(word, /^\s/.test(one.word), one.start, one.end);
    });
  const all = unitsOf(clean) || 1;
  let at = start;
  const pieces = piecesOf(clean);
  return pieces.flatMap((piece, i) => {
    const from = at;
    at += ((end - start) * (unitsOf(piece.text) + (pieces[i + 1]?.isSpaced ? 1 : 0))) / all;
    return broken(piece.text, piece.isSpaced, from, Math.min(at, end));
  });
}

/** How much worse it is to break between two tokens than at the end of a sentence. */
function breakCost(before: Token, after: Token): number {
  if (NEVER_LAST.test(before.text) || NEVER_FIRST.test(after.text)) return COST.forbidden;
  if (SENTENCE_END.test(before.text)) return 0;
  if (CLAUSE_END.test(before.text)) return 2;
  if (PHRASE_WORDS.has(before.text.toLowerCase())) return 14;
  return PHRASE_WORDS.has(after.text.toLowerCase()) ? 4 : 8;
}

const textOfTokens = (tokens: readonly Token[]): string =>
  tokens.map(({ text, isSpaced }, i) => (isSpaced && i > 0 ? ` ${text}` : text)).join('');
const unitsBetween = (tokens: readonly Token[]): number =>
  tokens.reduce((sum, { units, isSpaced }, i) => sum + units + (isSpaced && i > 0 ? 1 : 0), 0);

/** The best one or two lines of a cue: `at` tokens on the first line, and the cost; undefined if they are too long. */
function linesOf(tokens: readonly Token[]): { readonly at: number; readonly cost: number } | undefined {
  const all = unitsBetween(tokens);
  if (all <= LINE_UNITS) return { at: tokens.length, cost: 0 };
  let best: { at: number; cost: number } | undefined;
  let first = 0;
  for (const [i, before] of tokens.slice(0, -1).entries()) {
    const after = tokens[i + 1] ?? before;
    first += before.units + (before.isSpaced && i > 0 ? 1 : 0);
    const second = all - first - (after.isSpaced ? 1 : 0);
    const cost = breakCost(before, after) / 2 + COST.perUnevenUnit * Math.abs(first - second);
    if (Math.max(first, second) <= LINE_UNITS && cost < (best?.cost ?? Number.POSITIVE_INFINITY)) best = { at: i + 1, cost };
  }
  return best;
}

/** Cost of a cue's time. `next`: when the next one starts. */
function timeCost(tokens: readonly Token[], units: number, next: number): number {
  const [first, last] = [tokens[0], tokens.at(-1)];
  if (first === undefined || last === undefined) return 0;
  const seconds = Math.max(last.end, Math.min(next, last.end + SHORTEST_SECONDS)) - first.start;
  const tooFast = Math.max(0, units / Math.max(seconds, 0.01) - CHARACTERS_PER_SECOND);
  return (
    Math.min(COST.perFastCharacter * tooFast, 3 * COST.short) +
    (seconds < SHORTEST_SECONDS ? COST.short : 0) +
    COST.perLongSecond * Math.max(0, last.end - first.start - LONGEST_SECONDS)
  );
}

/** The cheapest layout up to a token: its cost, and where its last cue begins. */
interface Layout {
  readonly cost: number;
  readonly from: number;
}

/** Cost of a cue, which begins with token `from`; undefined if it does not fit into two lines. `after`: the next token of the run. */
function cueCost(cue: readonly Token[], from: number, after: Token | undefined, next: number): number | undefined {
  const lines = linesOf(cue);
  const last = cue.at(-1);
  if (lines === undefined || last === undefined) return undefined;
  const crossed = cue.slice(0, -1).filter(({ text }) => SENTENCE_END.test(text)).length;
  const atEnd = after === undefined ? 0 : breakCost(last, after);
  const units = unitsBetween(cue);
  const tiny = units < TINY_UNITS && (from > 0 || after !== undefined) ? COST.tiny : 0;
  return COST.cue + COST.crossedSentence * crossed + lines.cost + atEnd + tiny + timeCost(cue, units, after?.start ?? next);
}

/** The cheapest layout up to `to`, from those of all shorter texts. */
function layoutUpTo(tokens: readonly Token[], to: number, shorter: readonly Layout[], next: number): Layout {
  let best: Layout = { cost: Number.POSITIVE_INFINITY, from: to - 1 };
  for (let from = to - 1; from >= 0; from--) {
    const cue = tokens.slice(from, to);
    if (unitsBetween(cue) > 2 * LINE_UNITS) break;
    const cost = (shorter[from]?.cost ?? 0) + (cueCost(cue, from, tokens[to], next) ?? Number.POSITIVE_INFINITY);
    if (cost < best.cost) best = { cost, from };
  }
  return best;
}

/** Divides the words of one speaker, without longer pauses, into cues: the cheapest way. `next`: when the next words start. */
function divided(tokens: readonly Token[], next: number): (readonly Token[])[] {
  const layouts: Layout[] = [{ cost: 0, from: 0 }];
  for (let to = 1; to <= tokens.length; to++) layouts.push(layoutUpTo(tokens, to, layouts, next));
  const cues: (readonly Token[])[] = [];
  for (let to = tokens.length; to > 0; to = layouts[to]?.from ?? 0) cues.unshift(tokens.slice(layouts[to]?.from ?? 0, to));
  return cues;
}

/** Words of one speaker without longer pauses, by segment. */
interface Run {
  readonly speaker: string | undefined;
  readonly segments: Token[][];
}

/** `namesSpeakers`: the first word of another speaker than before has the speaker's name before it. */
function runsOf(segments: readonly Segment[], namesSpeakers: boolean): Run[] {
  const runs: Run[] = [];
  for (const segment of segments) {
    const [first, ...others] = tokensOf(segment);
    if (first === undefined) continue;
    const run = runs.at(-1);
    const last = run?.segments.at(-1)?.at(-1);
    const continues = run !== undefined && last !== undefined && run.speaker === segment.speaker;
    if (continues && first.start - last.end < PAUSE_SECONDS)
      run.segments.push([{ ...first, isSpaced: isSpacedBetween(last.text, first.text) }, ...others]);
    else {
      const isNamed = namesSpeakers && segment.speaker !== undefined && segment.speaker !== run?.speaker;
      const named = isNamed ? token(`${segment.speaker}: ${first.text}`, first.isSpaced, first.start, first.end) : first;
      runs.push({ speaker: segment.speaker, segments: [[named, ...others]] });
    }
  }
  return runs;
}

/** Whether a segment can be a cue as it is. */
const fits = (tokens: readonly Token[], next: number): boolean =>
  unitsBetween(tokens) <= 2 * LINE_UNITS && linesOf(tokens) !== undefined && timeCost(tokens, unitsBetween(tokens), next) === 0;

/** The words of each cue of a run. Segments stay together unless one of them is too long, too short or too fast. */
function cuesOfRun({ segments }: Run, next: number): (readonly Token[])[] {
  const isFine = segments.every((tokens, i) => fits(tokens, segments[i + 1]?.[0]?.start ?? next));
  return isFine ? segments : divided(segments.flat(), next);
}

/** When a cue ends: with its last word, or later if it is too short to be read and nothing else is said. */
function endOf(tokens: readonly Token[], next: number): number {
  const [start, end] = [tokens[0]?.start ?? 0, tokens.at(-1)?.end ?? 0];
  const readable = start + Math.max(SHORTEST_SECONDS, [...textOfTokens(tokens)].length / CHARACTERS_PER_SECOND);
  return Math.max(end, Math.min(readable, next));
}

/** The subtitles of segments. `namesSpeakers`: where the speaker changes, the text begins with the speaker's name. */
export function cuesOf(segments: readonly Segment[], namesSpeakers: boolean): Cue[] {
  const runs = runsOf(segments, namesSpeakers);
  return runs.flatMap((run, r) => {
    const after = runs[r + 1]?.segments[0]?.[0]?.start ?? Number.POSITIVE_INFINITY;
    const cues = cuesOfRun(run, after);
    return cues.map((tokens, i) => {
      const at = linesOf(tokens)?.at ?? tokens.length;
      const words = [tokens.slice(0, at), tokens.slice(at)].filter((line) => line.length > 0);
      const next = cues[i + 1]?.[0]?.start ?? after;
      const lines = words.map(textOfTokens);
      return { start: tokens[0]?.start ?? 0, end: endOf(tokens, next), lines, words, speaker: run.speaker };
    });
  });
}
