import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CorrectionRule } from '../../core/contracts/corrections.ts';
import { reapply } from '../../core/corrections/apply.ts';
import { correctorOf } from '../../core/corrections/rules.ts';
import { correctors, readCorrections, saveCorrections } from '../../core/corrections/settings.ts';
import { containment } from '../support/containment.ts';
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
  ['a literal can be case-sensitive', rule('literal', 'Cat', 'Dog', true), 'Cat cat', 'Dog cat'],
  ['a word is replaced only where it is whole', rule('word', 'cat', 'dog'), 'cat, category cat.', 'dog, category dog.'],
  ['a word in a non-Latin script is replaced', rule('word', 'кот', 'пёс'), 'кот который', 'пёс который'],
  ['a word next to letters with diacritics is replaced', rule('word', 'cafe', 'x'), 'cafe cafeé', 'x cafeé'],
  ['a phrase matches any white space between its words', rule('phrase', 'new york', 'NYC'), 'in New\n York now', 'in NYC now'],
  ['a phrase matches whole words only', rule('phrase', 'new york', 'NYC'), 'new yorker', 'new yorker'],
  ['a replacement can refer to groups by number', rule('regex', '(\\d+) dollars?', '$$$1'), '5 dollars', '$$5'],
  ['a replacement can refer to groups by name', rule('regex', '(?P<n>\\d+)%', '${n} percent'), '5%', '5 percent'],
  ['the replacement of a literal rule is literal', rule('literal', 'a', '$1.*'), 'a', '$1.*'],
  ['a dollar sign without a group is kept', rule('regex', 'a', '$5 $'), 'a', '$5 $'],
  ['metacharacters are literal in a literal rule', rule('literal', 'a.c', 'x'), 'abc a.c', 'abc x'],
])('%s', (_what, one, text, expected) => {
  expect(correct(text, one)).toBe(expected);
});

test('rules are applied in order, each to the result of the previous one', () => {
  expect(correct('a', rule('literal', 'a', 'b'), rule('literal', 'b', 'c'))).toBe('c');
});

test('patterns with exponential time in other engines take linear time, and rules that double the text do not exhaust memory [corrections]', () => {
  expect(correct(`${'a'.repeat(20_000)}!`, rule('regex', '^(a+)+$', 'x'))).toHaveLength(20_001);
  const doubling = Array.from({ length: 100 }, () => rule('literal', 'a', 'aa'));
  expect(correct('a'.repeat(100), ...doubling).length).toBeLessThan(10_000);
});

test('a correction never fails, for any text and pattern', () => {
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

test('target words are counted as whole words, ignoring case', () => {
  const { count } = correctorOf({ rules: [], targetWords: ['hello', 'New York', 'never'] });
  expect(count('Hello hello othello, new york')).toEqual({ hello: 2, 'New York': 1 });
});

/** Sessions of a user with these numbers of chunks, newest last, and the passes that apply new rules. */
async function reapplyWorld(chunkCounts: readonly number[]) {
  const [sessions, chunks, settings] = [memorySessionStore(), memoryChunkStore(), memorySettingsStore()];
  for (const [i, count] of chunkCounts.entries()) {
    const session_id = `session_${i}`;
    await sessions.create(sessionRow({ session_id, created_at_ms: i }));
    for (let n = 1; n <= count; n += 1) chunks.put(chunkRow(n, { session_id, state: 'done', raw_text: 'the cat' }));
  }
  const assembled: string[] = [];
  const clock = { ms: 0 };
  const contained = containment();
  const deps = {
    sessions,
    chunks,
    settings,
    correctorFor: (userId: string) => correctors(settings)(userId),
    assemble: async (id: string) => assembled.push(id),
    nowMs: () => clock.ms,
  };
  const pass = async (): Promise<boolean> => {
    const row = await settings.get(USER);
    if (row !== undefined) await reapply(deps, row, contained);
    return (await readCorrections(settings, USER)).applied;
  };
  await saveCorrections(settings, USER, { rules: [rule('word', 'cat', 'dog')], targetWords: ['dog'] });
  const corrected = async (): Promise<number> =>
    (await Promise.all(chunkCounts.map((_, i) => chunks.listOf(`session_${i}`))))
      .flat()
      .filter(({ corrections_version }) => corrections_version === 1).length;
  return { chunks, settings, deps, assembled, clock, pass, corrected, failures: contained.failures };
}

test('new rules reach all chunks of the user in slices, without another transcription; an applied version is not applied again [corrections]', async () => {
  const { chunks, assembled, pass } = await reapplyWorld(Array(12).fill(1));
  chunks.put(chunkRow(2, { session_id: 'session_0' }));
  expect(await pass()).toBe(true);
  expect(assembled).toHaveLength(12);
  for (let i = 0; i < 12; i += 1)
    expect(await chunks.get(`session_${i}`, 1)).toMatchObject({
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

test('a slice corrects at most 500 rows, can end within a session, and changes the settings row [pressure.corrections]', async () => {
  const w = await reapplyWorld([10, 1200]);
  const slices: number[] = [];
  const changes: string[] = [];
  for (let applied = false; !applied; ) {
    const before = await w.corrected();
    applied = await w.pass();
    slices.push((await w.corrected()) - before);
    changes.push(JSON.stringify(await w.settings.get(USER)));
  }
  expect(slices).toEqual([500, 500, 210]);
  expect(new Set(changes).size).toBe(changes.length);
  expect(w.assembled).toEqual(['session_1', 'session_0']);
});

test('a slice also ends by time, so slow rules do not run into the function timeout [pressure.corrections]', async () => {
  const w = await reapplyWorld([100]);
  const { noteCorrected } = w.chunks;
  w.chunks.noteCorrected = (...given) => {
    w.clock.ms += 1000;
    return noteCorrected(...given);
  };
  await w.pass();
  expect(await w.corrected()).toBe(20);
});

test('a session that fails keeps its old texts and does not block the others [pressure.contained]', async () => {
  const w = await reapplyWorld([3, 3, 3]);
  const { noteCorrected } = w.chunks;
  w.chunks.noteCorrected = async (row, corrected) => {
    if (row.session_id === 'session_1') throw new Error('planted');
    return noteCorrected(row, corrected);
  };
  expect(await w.pass()).toBe(true);
  expect(await w.corrected()).toBe(6);
  expect(w.failures).toEqual(['session_1: planted']);
});

test('one of two concurrent changes is refused as busy', async () => {
  const settings = memorySettingsStore();
  const change = saveCorrections(settings, USER, { rules: [], targetWords: ['a'] });
  await expect(Promise.all([change, saveCorrections(settings, USER, { rules: [], targetWords: ['b'] })])).rejects.toMatchObject({
    code: 'busy',
  });
});
