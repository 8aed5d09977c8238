import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CorrectionRule } from '../../core/contracts/corrections.ts';
import { reapply } from '../../core/corrections/apply.ts';
import { correctorOf } from '../../core/corrections/rules.ts';
import { correctors, readCorrections, saveCorrections } from '../../core/corrections/settings.ts';
import { memoryChunkStore, memorySessionStore, memorySettingsStore } from '../support/memory-stores.ts';
import { chunkRow, sessionRow, USER } from '../support/rows.ts';

const rule = (kind: CorrectionRule['kind'], match: string, replace: string, caseSensitive = false): CorrectionRule => ({
  kind,
  match,
  replace,
  caseSensitive,
});
const correct = (text: string, ...rules: CorrectionRule[]): string => correctorOf({ rules, targetWords: [] }).correct(text);

test.each([
  ['a literal is replaced anywhere', rule('literal', 'cat', 'dog'), 'Cat concat', 'dog condog'],
  ['a literal may be bound to its case', rule('literal', 'Cat', 'Dog', true), 'Cat cat', 'Dog cat'],
  ['a word is replaced where it is whole', rule('word', 'cat', 'dog'), 'cat, category cat.', 'dog, category dog.'],
  ['also in scripts that are not Latin', rule('word', 'кот', 'пёс'), 'кот который', 'пёс который'],
  ['also beside letters with marks', rule('word', 'cafe', 'x'), 'cafe cafeé', 'x cafeé'],
  ['a phrase matches whatever white space is between', rule('phrase', 'new york', 'NYC'), 'in New\n York now', 'in NYC now'],
  ['a phrase is whole words', rule('phrase', 'new york', 'NYC'), 'new yorker', 'new yorker'],
  ['a regular expression may name its groups', rule('regex', '(\\d+) dollars?', '$$$1'), '5 dollars', '$$5'],
  ['or by name', rule('regex', '(?P<n>\\d+)%', '${n} percent'), '5%', '5 percent'],
  ['what a rule of another kind puts in is taken as it is', rule('literal', 'a', '$1.*'), 'a', '$1.*'],
  ['a dollar sign without a group stays', rule('regex', 'a', '$5 $'), 'a', '$5 $'],
  ['signs of expressions mean nothing in a literal', rule('literal', 'a.c', 'x'), 'abc a.c', 'abc x'],
])('%s', (_what, one, text, expected) => {
  expect(correct(text, one)).toBe(expected);
});

test('rules are applied in their order, each on what the one before it left', () => {
  expect(correct('a', rule('literal', 'a', 'b'), rule('literal', 'b', 'c'))).toBe('c');
});

test('patterns that take other engines for ever take linear time here, and rules that double the text do not fill the memory', () => {
  expect(correct(`${'a'.repeat(20_000)}!`, rule('regex', '^(a+)+$', 'x'))).toHaveLength(20_001);
  const doubling = Array.from({ length: 100 }, () => rule('literal', 'a', 'aa'));
  expect(correct('a'.repeat(100), ...doubling).length).toBeLessThan(10_000);
});

test('no text and no pattern makes a correction fail', () => {
  const text = fc.string({ unit: 'binary', maxLength: 60 });
  fc.assert(
    fc.property(
      fc.constantFrom('literal', 'word', 'phrase'),
      text.filter((t) => t.trim() !== ''),
      text,
      text,
      (kind, match, replace, given) => {
        const result = correct(given, rule(kind, match, replace, true));
        if (!given.includes(match.trim().split(/\s+/)[0] ?? '')) expect(result).toBe(given);
      },
    ),
    { numRuns: 500 },
  );
});

test('target words are counted as whole words, whatever their case', () => {
  const { count } = correctorOf({ rules: [], targetWords: ['hello', 'New York', 'never'] });
  expect(count('Hello hello othello, new york')).toEqual({ hello: 2, 'New York': 1 });
});

test('new rules reach every chunk of the user, page by page, without another transcription; a version applied is not applied again', async () => {
  const [sessions, chunks, settings] = [memorySessionStore(), memoryChunkStore(), memorySettingsStore()];
  const ids = Array.from({ length: 12 }, (_, i) => `session_${i}`);
  for (const [i, session_id] of ids.entries()) {
    await sessions.create(sessionRow({ session_id, created_at_ms: i }));
    chunks.put(chunkRow(1, { session_id, state: 'done', raw_text: 'the cat' }));
  }
  chunks.put(chunkRow(2, { session_id: 'session_0' }));
  const assembled: string[] = [];
  const deps = {
    sessions,
    chunks,
    settings,
    correctorFor: (userId: string) => correctors(settings)(userId),
    assemble: async (id: string) => assembled.push(id),
  };
  const pass = async (): Promise<boolean> => {
    const row = await settings.get(USER);
    if (row !== undefined) await reapply(deps, row);
    return (await readCorrections(settings, USER)).applied;
  };
  await saveCorrections(settings, USER, { rules: [rule('word', 'cat', 'dog')], targetWords: ['dog'] });
  expect(await pass()).toBe(false);
  expect(await pass()).toBe(true);
  expect(assembled).toHaveLength(12);
  for (const id of ids)
    expect(await chunks.get(id, 1)).toMatchObject({
      raw_text: 'the cat',
      corrected_text: 'the dog',
      word_counts: { dog: 1 },
      corrections_version: 1,
      fence: 0,
    });
  expect(await chunks.get('session_0', 2)).not.toHaveProperty('corrected_text');
  await pass();
  expect(assembled).toHaveLength(12);
});

test('of two changes at once one is told to try again', async () => {
  const settings = memorySettingsStore();
  const change = saveCorrections(settings, USER, { rules: [], targetWords: ['a'] });
  await expect(Promise.all([change, saveCorrections(settings, USER, { rules: [], targetWords: ['b'] })])).rejects.toMatchObject({
    code: 'busy',
  });
});
