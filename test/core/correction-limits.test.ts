/** The cost of corrections: documented sizes are accepted; rules that take too long are refused, or skipped and reported. */
import { describe, expect, test } from 'vitest';
import { ChangeCorrections, type CorrectionRule } from '../../core/contracts/corrections.ts';
import {
  correctorOf,
  LONGEST_CORRECTION_MS,
  MAX_CORRECTED_BYTES,
  MAX_RULE_STATES,
  MAX_STATES,
  validateRules,
} from '../../core/corrections/rules.ts';
import { correctors, keptCorrectors, readCorrections, saveCorrections } from '../../core/corrections/settings.ts';
import { memorySettingsStore } from '../support/memory-stores.ts';
import { USER } from '../support/rows.ts';

const rule = (kind: CorrectionRule['kind'], match: string, replace = 'x'): CorrectionRule => ({
  kind,
  match,
  replace,
  caseSensitive: false,
});
const many = (make: (index: number) => CorrectionRule): CorrectionRule[] =>
  Array.from({ length: 500 }, (_, index) => make(index));
/** 1,000 word characters or spaces before a letter: 3,224 states, all active on any text of words. */
const nested = many((index) => rule('regex', `(((\\w|\\s){10}){10}){10}Z${index}`));
const WORDS = ['the', 'meeting', 'about', 'revenue', 'word7', 'jean'];
const textOf = (words: number): string => Array.from({ length: words }, (_, i) => WORDS[i % WORDS.length]).join(' ');

describe('rules of documented size are accepted', () => {
  const LONG = { ascii: 'a', twoBytes: 'é', threeBytes: '語', fourBytes: '😀', control: '\u0001' };
  test.each(Object.entries(LONG))(
    '500 rules with 500 characters each for match and replacement: %s [corrections.limits]',
    (_name, character) => {
      const long = character.repeat(500);
      for (const kind of ['literal', 'word', 'phrase', 'regex'] as const) {
        const { rules = [] } = ChangeCorrections.parse({ rules: many(() => rule(kind, long, long)) });
        expect(rules).toHaveLength(500);
        validateRules(rules);
      }
      const longer = ChangeCorrections.safeParse({ rules: [rule('literal', `${long}${character}`)] });
      expect(longer.success).toBe(false);
    },
  );

  test('500 word rules correct eight hours of text, in order [corrections.limits]', () => {
    const rules = many((index) => rule('word', `word${index}`, `word${index + 1}`));
    const corrected = correctorOf({ rules, targetWords: [] }).correct(textOf(75_000));
    expect(corrected).toBe(textOf(75_000).replaceAll('word7', 'word500'));
  });

  test('500 typical regular expressions', () => {
    const written = [
      '(\\d+) dollars?',
      '\\b(gene|jean) police\\b',
      'colou?r(s|ed|ing)?',
      '[A-Z]{2,4}-\\d{1,3}',
      '(?P<n>\\d+) ?%',
    ];
    validateRules(many((index) => rule('regex', written[index % written.length] ?? '')));
  });
});

describe('rules that would take too long', () => {
  test('a rule with too many states is refused by its number [corrections.limits]', () => {
    expect(() => validateRules([rule('word', 'a'), ...nested.slice(0, 3)])).toThrow(
      `rule 2 is too slow: it has 3224 states; the limit is ${MAX_RULE_STATES}`,
    );
  });

  test('rules with too many states in total are refused by the number of the first one above the limit', () => {
    const each = rule('regex', '(\\w|\\s){100}Z');
    const states = 303;
    const fit = Math.floor(MAX_STATES / states);
    validateRules(Array.from({ length: fit }, () => each));
    expect(() => validateRules(Array.from({ length: fit + 1 }, () => each))).toThrow(`rule ${fit + 1} makes the rules too slow`);
  });

  test('such rules in a row of an older version are skipped and the others applied; the response and the log list the skipped ones [corrections.limits]', async () => {
    const settings = memorySettingsStore();
    const rules = [rule('word', 'meeting', 'talk'), ...nested.slice(1)];
    await settings.put({ user_id: USER, version: 3, corrections: { rules, targetWords: [] }, applied_version: 3 }, undefined);
    const logged: unknown[] = [];
    const corrector = await correctors(settings, (...skipped) => logged.push(skipped))(USER);
    expect(corrector.correct('the meeting')).toBe('the talk');
    const skipped = nested.slice(1).map((_, index) => index + 1);
    expect(logged).toEqual([[USER, skipped]]);
    expect(await readCorrections(settings, USER)).toMatchObject({ version: 3, skippedRules: skipped });
  });

  test('an invalid pattern is skipped too', () => {
    const { correct, skipped } = correctorOf({ rules: [rule('regex', '('), rule('word', 'a', 'b')], targetWords: [] });
    expect([correct('a'), skipped]).toEqual(['b', [0]]);
  });

  test('expressions that exceed their time on a text are skipped for it; literal and word rules still apply [corrections.limits]', () => {
    let nowMs = 0;
    const late: unknown[] = [];
    const watch = {
      nowMs: () => (nowMs += LONGEST_CORRECTION_MS),
      untilMs: () => Infinity,
      ranOut: (rules: readonly number[]) => late.push(rules),
    };
    const rules = [rule('regex', 'a+', 'b'), rule('regex', 'b+', 'c'), rule('regex', 'c+', 'd'), rule('word', 'c', 'e')];
    const { correct } = correctorOf({ rules, targetWords: [] }, watch);
    expect(correct('aa')).toBe('e');
    expect(late).toEqual([[2]]);
    expect(correct('aa')).toBe('e');
  });
});

test('corrected text and word counts fit into their row, with characters of any length [corrections.limits]', () => {
  const rules = [rule('literal', 'a', '語'.repeat(500)), rule('word', 'end', 'END')];
  const targetWords = Array.from({ length: 500 }, (_, i) => `${'語'.repeat(96)}${i}`);
  const { correct, count } = correctorOf({ rules, targetWords });
  expect(correct(`${'a'.repeat(100)} end`)).toBe(`${'a'.repeat(100)} END`);
  expect(Buffer.byteLength(correct(`${'a '.repeat(50_000)}end`))).toBeLessThanOrEqual(MAX_CORRECTED_BYTES);
  const counts = count(targetWords.join(' '));
  expect(Object.keys(counts).length).toBeGreaterThan(100);
  expect(Buffer.byteLength(JSON.stringify(counts))).toBeLessThan(70_000);
});

test('a text with surrogate pairs is processed in one pass', () => {
  const { correct } = correctorOf({ rules: [rule('word', '😀'), rule('word', ' ', 'y')], targetWords: [] });
  expect(correct('a😀😀 😀b 😀')).toBe('a😀x 😀b x');
});

describe('a change of corrections', () => {
  const before = { rules: [rule('word', 'a')], targetWords: ['hello'] };

  test('keeps the fields that it omits [corrections.two-tabs]', async () => {
    const settings = memorySettingsStore();
    await saveCorrections(settings, USER, before);
    expect(await saveCorrections(settings, USER, { targetWords: ['new'] })).toMatchObject({ ...before, targetWords: ['new'] });
    expect(await saveCorrections(settings, USER, { rules: [] })).toMatchObject({ rules: [], targetWords: ['new'] });
    expect(await saveCorrections(settings, USER, {})).toMatchObject({ rules: [], targetWords: ['new'] });
  });

  test('with an outdated version is a conflict that contains the newest version [corrections.two-tabs]', async () => {
    const settings = memorySettingsStore();
    await saveCorrections(settings, USER, { ...before, version: 0 });
    await expect(saveCorrections(settings, USER, { ...before, version: 0 })).rejects.toMatchObject({
      code: 'corrections-changed',
      details: { version: 1 },
    });
    expect(await saveCorrections(settings, USER, { rules: [], version: 1 })).toMatchObject({
      version: 2,
      targetWords: ['hello'],
    });
  });
});

describe('cached correctors', () => {
  const rules = [rule('regex', 'a+', 'b'), rule('regex', 'b', 'c')];
  const world = async () => {
    const settings = memorySettingsStore();
    await saveCorrections(settings, USER, { rules });
    const clock = { ms: 0, reads: 0 };
    const nowMs = (): number => {
      clock.reads += 1;
      clock.ms += LONGEST_CORRECTION_MS / 4;
      return clock.ms;
    };
    return { settings, clock, correctorFor: keptCorrectors(settings, () => undefined, nowMs) };
  };

  test('correct each text once, until the rules change [corrections.limits]', async () => {
    const { settings, clock, correctorFor } = await world();
    expect((await correctorFor(USER)).correct('a x')).toBe('c x');
    const reads = clock.reads;
    const again = await correctorFor(USER);
    expect([again.correct('a x'), again.version]).toEqual(['c x', 1]);
    expect(clock.reads - reads).toBe(1);
    await saveCorrections(settings, USER, { rules: [rule('word', 'x', 'y')] });
    const changed = await correctorFor(USER);
    expect([changed.correct('a x'), changed.version]).toEqual(['a y', 2]);
  });

  test('skip expressions when the time of a call is used up, and apply them in the next call [corrections.limits]', async () => {
    const { correctorFor } = await world();
    const texts = ['a1', 'a2', 'a3', 'a4', 'a5'];
    expect(texts.map((await correctorFor(USER)).correct)).toEqual(['c1', 'c2', 'a3', 'a4', 'a5']);
    expect(texts.map((await correctorFor(USER)).correct)).toEqual(['c1', 'c2', 'c3', 'c4', 'a5']);
    expect(texts.map((await correctorFor(USER)).correct)).toEqual(['c1', 'c2', 'c3', 'c4', 'c5']);
  });
});
