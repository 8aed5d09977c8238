import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { requirements } from '../requirements/all.ts';

const PROJECT = join(import.meta.dirname, '../..');
const titlesOf = (file: string): string[] =>
  [
    ...readFileSync(join(PROJECT, file), 'utf8').matchAll(
      /(['"`])((?:(?!\1).)+)\1,\s*(?:\{[^}]*\},\s*)?(?:async )?\(|def (test_\w+)/g,
    ),
  ].map(([, , title = '', python = '']) => title || python);

test('every requirement has a sentence and tests that exist', () => {
  for (const { id, sentence, tests } of requirements) {
    expect(sentence, id).toMatch(/\.$/);
    expect(tests.length, id).toBeGreaterThan(0);
    for (const reference of tests) {
      const [file = '', ...rest] = reference.split(': ');
      const title = rest.join(': ');
      expect(
        titlesOf(file).some((known) => known.startsWith(title)),
        reference,
      ).toBe(true);
    }
  }
});

test('ids are unique, and every test file is referenced by a requirement', () => {
  const ids = requirements.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const referenced = new Set(requirements.flatMap(({ tests }) => tests.map((reference) => reference.split(': ')[0])));
  const files = globSync(['test/**/*.test.ts', 'gpu-worker/tests/**/test_*.py'], { cwd: PROJECT });
  const shared = [
    'test/contracts/memory-stores.test.ts',
    'test/host/dynamo-stores.test.ts',
    'test/repository/requirements.test.ts',
  ];
  const units = ['contracts', 'segments', 'speech'].map((name) => `gpu-worker/tests/test_${name}.py`);
  expect(files.filter((file) => !referenced.has(file) && !shared.includes(file) && !units.includes(file))).toEqual([]);
});

test('no test is skipped or marked as the only one', () => {
  const files = globSync(['test/**/*.ts', 'gpu-worker/tests/**/*.py'], { cwd: PROJECT });
  const skipping = /\b(it|test|describe)\.(skip|todo|only|skipIf|runIf)\b|pytest\.(skip|mark\.skip|mark\.xfail)/;
  expect(
    files.filter(
      (file) => file !== 'test/repository/requirements.test.ts' && skipping.test(readFileSync(join(PROJECT, file), 'utf8')),
    ),
  ).toEqual([]);
});
