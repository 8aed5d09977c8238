import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const PROJECT = join(import.meta.dirname, '../..');
const MOST_LINES = 400;

test('no source file is longer than a reader can keep in mind [code.rooms]', () => {
  const rooms = '{bench,bin,cli,core,gpu-worker,host,lambdas,lib,mcp,scripts,test,web}/**/*.{ts,tsx,py,mjs}';
  const files = globSync(rooms, { cwd: PROJECT, exclude: ['**/node_modules/**', '**/.*/**'] });
  expect(files.length).toBeGreaterThan(400);
  const tooLong = files.filter((file) => readFileSync(join(PROJECT, file), 'utf8').split('\n').length - 1 > MOST_LINES);
  expect(tooLong).toEqual([]);
});
