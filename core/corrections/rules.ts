/**
 * A user's correction rules and target words. Regular expressions run on RE2, whose time is linear in the length of the text and
 * in the pattern's number of states. All other rules are literal, and JavaScript's own RegExp finds them a hundred times faster.
 * @see https://github.com/google/re2/wiki/Syntax (no back references, no look-around)
 */
import { RE2JS } from 're2js';
import { type CorrectionRule, type Corrections, MAX_PATTERN } from '../contracts/corrections.ts';
import { DomainError } from '../errors.ts';

/** A rule that makes a text this many times longer is not applied: a chain of rules could double it each time. */
const MAX_GROWTH = 4;
/**
 * UTF-8 bytes of a text that rules have made longer, and of the words counted in it. A chunk's row holds both and the raw text.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html (400 KB)
 */
export const MAX_CORRECTED_BYTES = 128_000;
const MAX_COUNTED_BYTES = 64_000;
/** States of one expression's automaton. Expressions without counted repetition (`{100}`) stay below this. */
export const MAX_RULE_STATES = 1000;
/** States of all expressions of a user together. At worst they take some seconds for ten minutes of speech. */
export const MAX_STATES = 20_000;
/** Time for all expressions of one text. Expressions that have not begun by then are not applied. */
export const LONGEST_CORRECTION_MS = 5000;
/** Cache of texts and their corrections. A day of speech has less than three million characters. */
const MAX_KEPT_CHARACTERS = 4_000_000;

export interface Corrector {
  /** Applies all rules in order, each to the result of the previous one. */
  readonly correct: (text: string) => string;
  /** Occurrences of each target word; words that do not occur are absent. */
  readonly count: (text: string) => Record<string, number>;
  /** Indexes of rules that are never applied, because they are invalid or would take too long. */
  readonly skipped: readonly number[];
}

/** Time limit for expressions. */
export interface TimeLimit {
  readonly nowMs: () => number;
  /** No expression is started after this time. */
  readonly untilMs: () => number;
  /** Called with the indexes of rules that were not applied for lack of time; once for each rule of a corrector. */
  readonly ranOut: (rules: readonly number[]) => void;
}
const NO_TIME_LIMIT: TimeLimit = { nowMs: () => performance.now(), untilMs: () => Infinity, ranOut: () => undefined };

/** RE2's \b supports ASCII only. Here a word ends before anything but a letter, digit, mark or underscore of any script. */
const INSIDE_WORD = /[\p{L}\p{N}\p{M}_]/u;
const isWhole = (text: string, start: number, end: number): boolean =>
  !INSIDE_WORD.test(lastCharacter(text.slice(Math.max(0, start - 2), start))) &&
  !INSIDE_WORD.test(String.fromCodePoint(text.codePointAt(end) ?? 32));
const lastCharacter = (text: string): string => [...text].at(-1) ?? ' ';
/** Index of the character after the one at `at`. */
const afterCharacter = (text: string, at: number): number => at + ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1);

interface Match {
  readonly start: number;
  readonly end: number;
  /** Text of a group: empty if it did not participate, undefined if the pattern has no such group. */
  readonly group: (name: string | number) => string | undefined;
}
/** Finds the first match at or after an index. */
type Find = (text: string, from: number) => Match | undefined;

const SYNTAX = /[\\^$.*+?()[\]{}|/]/g;
const escaped = (text: string): string => text.replace(SYNTAX, '\\$&');

/** Finds a literal text, or words with white space between them. */
function textFinder(words: readonly string[], isCaseSensitive: boolean): Find {
  const pattern = new RegExp(words.map(escaped).join('[\\t\\n\\f\\r ]+'), isCaseSensitive ? 'gu' : 'giu');
  return (text, from) => {
    pattern.lastIndex = from;
    const match = pattern.exec(text);
    if (match === null) return undefined;
    return { start: match.index, end: pattern.lastIndex, group: (name) => (name === 0 ? match[0] : undefined) };
  };
}

function expressionFinder(pattern: RE2JS): Find {
  return (text, from) => {
    const matcher = pattern.matcher(text);
    if (!matcher.find(from)) return undefined;
    const group = (name: string | number): string | undefined => {
      try {
        return matcher.group(name) ?? '';
      } catch {
        return undefined;
      }
    };
    return { start: matcher.start(), end: matcher.end(), group };
  };
}

/** A `regex` without special characters is a literal text. */
const isExpression = ({ kind, match }: Pick<CorrectionRule, 'kind' | 'match'>): boolean =>
  kind === 'regex' && match.search(SYNTAX) >= 0;

interface Finder {
  readonly find: Find;
  /** Size of the automaton; 0 for a literal text. */
  readonly states: number;
}

/** @throws RE2JSException for an invalid pattern */
function finderOf({ kind, match, caseSensitive }: Omit<CorrectionRule, 'replace'>): Finder {
  if (isExpression({ kind, match })) {
    const pattern = RE2JS.compile(match, caseSensitive ? 0 : RE2JS.CASE_INSENSITIVE);
    return { find: expressionFinder(pattern), states: pattern.programSize() };
  }
  const words = kind === 'phrase' ? match.trim().split(/\s+/) : [kind === 'word' ? match.trim() : match];
  return { find: textFinder(words, caseSensitive), states: 0 };
}

const REFERENCE = /\$(\d{1,2})|\$\{(\w+)\}/g;
/** Inserts the groups. A reference to a group that the pattern does not have stays as it is. */
const expanded = (replacement: string, { group }: Match): string =>
  replacement.replace(
    REFERENCE,
    (whole, digits?: string, name = '') => group(digits === undefined ? name : Number(digits)) ?? whole,
  );

/** Successive matches of a rule; whole words only for rules of kind `word` and `phrase`. */
function* matches(text: string, { kind }: Pick<CorrectionRule, 'kind'>, find: Find): Generator<Match> {
  const isWords = kind === 'word' || kind === 'phrase';
  for (let from = 0; from <= text.length; ) {
    const match = find(text, from);
    if (match === undefined) return;
    const { start, end } = match;
    const isAccepted = end > start && (!isWords || isWhole(text, start, end));
    if (isAccepted) yield match;
    from = isAccepted ? end : afterCharacter(text, start);
  }
}

function replaced(text: string, rule: CorrectionRule, find: Find): string {
  let result = '';
  let from = 0;
  for (const match of matches(text, rule, find)) {
    result += text.slice(from, match.start) + (rule.kind === 'regex' ? expanded(rule.replace, match) : rule.replace);
    from = match.end;
  }
  return result + text.slice(from);
}

/** Whether a text that has become longer is still within the limits for its original. */
const isShort = (text: string, original: string): boolean =>
  text.length <= MAX_GROWTH * (original.length + MAX_PATTERN) &&
  Buffer.byteLength(text) <= Math.max(MAX_CORRECTED_BYTES, 2 * Buffer.byteLength(original));

interface Step {
  readonly index: number;
  readonly rule: CorrectionRule;
  readonly find: Find;
  readonly isExpression: boolean;
}

function compiled(rule: CorrectionRule): Finder | undefined {
  try {
    return finderOf(rule);
  } catch {
    return undefined;
  }
}

/** Rules that can be applied, and why the others cannot. Once the states are used up, no further expression is compiled. */
function stepsOf(rules: readonly CorrectionRule[]): { steps: Step[]; refused: Map<number, string> } {
  const steps: Step[] = [];
  const refused = new Map<number, string>();
  let total = 0;
  for (const [index, rule] of rules.entries()) {
    const isSpent = isExpression(rule) && total > MAX_STATES;
    const finder = isSpent ? undefined : compiled(rule);
    total += finder?.states ?? 0;
    const name = `rule ${index + 1}`;
    if (isSpent || (finder !== undefined && finder.states > 0 && total > MAX_STATES))
      refused.set(index, `${name} makes the rules too slow: all expressions together may have at most ${MAX_STATES} states`);
    else if (finder === undefined) refused.set(index, `${name} is not a valid RE2 expression: ${rule.match}`);
    else if (finder.states > MAX_RULE_STATES)
      refused.set(index, `${name} is too slow: it has ${finder.states} states; the limit is ${MAX_RULE_STATES}`);
    else steps.push({ index, rule, find: finder.find, isExpression: finder.states > 0 });
  }
  return { steps, refused };
}

/** @throws DomainError `invalid` for the first rule that is invalid or would take too long */
export function validateRules(rules: readonly CorrectionRule[]): void {
  for (const [rule, reason] of stepsOf(rules).refused) throw new DomainError('invalid', reason, { rule });
}

/** A corrected text, and whether every rule was applied to it. */
interface Applied {
  readonly corrected: string;
  readonly isDone: boolean;
}

/** Applies rules in their order. Expressions for which there is no time are left out, and reported once. */
function applierOf(steps: readonly Step[], { nowMs, untilMs, ranOut }: TimeLimit): (text: string) => Applied {
  const reported = new Set<number>();
  const report = (late: readonly number[]): void => {
    const unreported = late.filter((index) => !reported.has(index));
    for (const index of unreported) reported.add(index);
    if (unreported.length > 0) ranOut(unreported);
  };
  return (text) => {
    const late: number[] = [];
    let spentMs = 0;
    let corrected = text;
    const apply = ({ rule, find }: Step): void => {
      const next = replaced(corrected, rule, find);
      if (next.length <= corrected.length || isShort(next, text)) corrected = next;
    };
    const applyInTime = (step: Step): void => {
      const begunMs = nowMs();
      if (spentMs > LONGEST_CORRECTION_MS || begunMs > untilMs()) return void late.push(step.index);
      apply(step);
      spentMs += nowMs() - begunMs;
    };
    for (const step of steps) (step.isExpression ? applyInTime : apply)(step);
    report(late);
    return { corrected, isDone: late.length === 0 };
  };
}

/** Remembers the texts to which every rule was applied. */
function remembered(apply: (text: string) => Applied): (text: string) => string {
  const kept = new Map<string, string>();
  let keptCharacters = 0;
  return (text) => {
    const known = kept.get(text);
    if (known !== undefined) return known;
    const { corrected, isDone } = apply(text);
    if (!isDone) return corrected;
    keptCharacters += text.length + corrected.length;
    if (keptCharacters > MAX_KEPT_CHARACTERS) {
      kept.clear();
      keptCharacters = text.length + corrected.length;
    }
    kept.set(text, corrected);
    return corrected;
  };
}

/** Counts the target words in a text. */
function counterOf(targetWords: readonly string[]): (text: string) => Record<string, number> {
  const targets = targetWords.map((word) => {
    const rule = { kind: 'phrase', match: word, caseSensitive: false } as const;
    return { word, rule, find: finderOf(rule).find };
  });
  return (text) => {
    const counts: Record<string, number> = {};
    let bytes = 0;
    for (const { word, rule, find } of targets) {
      const times = [...matches(text, rule, find)].length;
      if (times > 0) bytes += Buffer.byteLength(word);
      if (times > 0 && bytes <= MAX_COUNTED_BYTES) counts[word] = times;
    }
    return counts;
  };
}

/** Compiles a user's corrections. Rules that cannot be applied are skipped: an earlier version may have accepted them. */
export function correctorOf({ rules, targetWords }: Corrections, limit: TimeLimit = NO_TIME_LIMIT): Corrector {
  const { steps, refused } = stepsOf(rules);
  const apply = applierOf(steps, limit);
  const hasExpressions = steps.some((step) => step.isExpression);
  return {
    correct: hasExpressions ? remembered(apply) : (text) => apply(text).corrected,
    count: counterOf(targetWords),
    skipped: [...refused.keys()],
  };
}
