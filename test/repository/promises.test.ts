import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { promisesDocument, proofs, TEST_FILES } from '../../scripts/promises-document.ts';
import { PROMISES } from '../promises.ts';

const PROJECT = join(import.meta.dirname, '../..');

test('every promise is a sentence and has a test, and tests carry only ids of promises', () => {
  for (const [id, sentence] of Object.entries(PROMISES)) expect(sentence, id).toMatch(/^\S.*\.$/);
  expect([...new Set(proofs().map(({ id }) => id))].sort()).toEqual(Object.keys(PROMISES).sort());
});

test('every test file proves a promise', () => {
  const proving = new Set(proofs().map(({ file }) => file));
  const suites = ['test/contracts/memory-stores.test.ts', 'test/host/dynamo-stores.test.ts']; // run test/contracts/*-suite.ts
  const units = ['contracts', 'segments', 'speech'].map((name) => `gpu-worker/tests/test_${name}.py`);
  const files = globSync(TEST_FILES, {
    cwd: PROJECT,
    exclude: ['test/contracts/*-suite.ts', 'test/repository/promises.test.ts'],
  });
  expect(files.filter((file) => ![...proving, ...suites, ...units].includes(file))).toEqual([]);
});

test('docs/promises.md is up to date', () => {
  const written = readFileSync(join(PROJECT, 'docs', 'promises.md'), 'utf8');
  expect(promisesDocument(), 'update it: node scripts/launch.mjs scripts/documents.ts').toBe(written);
});

test('no test is skipped or marked as the only one', () => {
  const files = globSync(['test/**/*.ts', 'gpu-worker/tests/**/*.py'], { cwd: PROJECT });
  const skipping = /\b(it|test|describe)\.(skip|todo|only|skipIf|runIf)\b|pytest\.(skip|mark\.skip|mark\.xfail)/;
  const own = 'test/repository/promises.test.ts';
  expect(files.filter((file) => file !== own && skipping.test(readFileSync(join(PROJECT, file), 'utf8')))).toEqual([]);
});
