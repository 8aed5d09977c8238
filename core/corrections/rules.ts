/**
 * A user's corrections and target words. Regular expressions run on RE2: time linear in the text, whatever the pattern.
 * @see https://github.com/google/re2/wiki/Syntax (no back references, no look-around)
 */
import { type Matcher, RE2JS } from 're2js';
import { type CorrectionRule, type Corrections, MAX_PATTERN } from '../contracts/corrections.ts';
import { DomainError } from '../errors.ts';

/** A rule that makes a text so much longer is left out: each of many could double it. */
const MAX_GROWTH = 4;

export interface Corrector {
  /** All rules in their order, each on what the one before it left. */
  readonly correct: (text: string) => string;
  /** Target words that occur at all. */
  readonly count: (text: string) => Record<string, number>;
}

/** RE2's \b knows ASCII only; a word ends where no letter, digit or mark goes on, in any script. */
const INSIDE_WORD = /[\p{L}\p{N}\p{M}_]/u;
const isWhole = (text: string, start: number, end: number): boolean =>
  !INSIDE_WORD.test(lastCharacter(text.slice(0, start))) && !INSIDE_WORD.test(String.fromCodePoint(text.codePointAt(end) ?? 32));
const lastCharacter = (text: string): string => [...text.slice(-2)].at(-1) ?? ' ';

function patternOf({ kind, match }: Pick<CorrectionRule, 'kind' | 'match'>): string {
  if (kind === 'regex') return match;
  if (kind === 'phrase') return match.trim().split(/\s+/).map(RE2JS.quote).join('\\s+');
  return RE2JS.quote(kind === 'word' ? match.trim() : match);
}

interface Found {
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
}

const REFERENCE = /\$(\d{1,2})|\$\{(\w+)\}/g;
/** A dollar sign that names no group of the pattern stays one. */
const expanded = (replacement: string, matcher: Matcher): string =>
  replacement.replace(REFERENCE, (whole, digits?: string, name?: string) => {
    const key = digits === undefined ? name : Number(digits);
    try {
      return (key === undefined ? whole : matcher.group(key)) ?? '';
    } catch {
      return whole;
    }
  });

function compile(rule: CorrectionRule): (text: string) => Found[] {
  const pattern = RE2JS.compile(patternOf(rule), rule.caseSensitive ? 0 : RE2JS.CASE_INSENSITIVE);
  const isWords = rule.kind === 'word' || rule.kind === 'phrase';
  return (text) => {
    const found: Found[] = [];
    const matcher = pattern.matcher(text);
    for (let from = 0; from <= text.length && matcher.find(from); ) {
      const [start, end] = [matcher.start(), matcher.end()];
      const isTaken = end > start && (!isWords || isWhole(text, start, end));
      if (isTaken) {
        found.push({ start, end, replacement: rule.kind === 'regex' ? expanded(rule.replace, matcher) : rule.replace });
      }
      from = isTaken ? end : start + 1;
    }
    return found;
  };
}

function replaced(text: string, found: readonly Found[]): string {
  let result = '';
  let from = 0;
  for (const { start, end, replacement } of found) {
    result += text.slice(from, start) + replacement;
    from = end;
  }
  return result + text.slice(from);
}

/** @throws DomainError `invalid` that names the rule whose pattern is none */
export function correctorOf({ rules, targetWords }: Corrections): Corrector {
  const steps = rules.map((rule, index) => {
    try {
      return compile(rule);
    } catch (cause) {
      throw new DomainError('invalid', `rule ${index + 1} cannot be used: ${rule.match}`, { rule: index }, { cause });
    }
  });
  const targets = targetWords.map((word) => ({
    word,
    find: compile({ kind: 'phrase', match: word, replace: '', caseSensitive: false }),
  }));
  return {
    correct: (text) =>
      steps.reduce((current, find) => {
        const next = replaced(current, find(current));
        return next.length > MAX_GROWTH * (text.length + MAX_PATTERN) ? current : next;
      }, text),
    count: (text) => Object.fromEntries(targets.map(({ word, find }) => [word, find(text).length]).filter(([, n]) => n !== 0)),
  };
}
