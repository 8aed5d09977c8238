/** The required versions of Node and Python are the same everywhere. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PROJECT } from '../../host/paths.ts';

const read = (file: string): string => readFileSync(join(PROJECT, file), 'utf8');
const launcher = read('scripts/launch.mjs');
const node = /MIN_NODE = (\d+);/.exec(launcher)?.[1];
const python = /MIN_PYTHON = \[(\d+), (\d+)\];/.exec(launcher)?.slice(1).join('.');
const DOCUMENTS = globSync(['README.md', 'docs/**/*.md', 'gpu-worker/**/*.md'], { cwd: PROJECT });

test('the launcher, the packages and the documents name the same minimum Node version [start.versions]', () => {
  expect(node).toBeDefined();
  expect(JSON.parse(read('package.json')).engines).toEqual({ node: `>=${node}` });
  expect(JSON.parse(read('package-lock.json')).packages[''].engines).toEqual({ node: `>=${node}` });
  const named = DOCUMENTS.flatMap((file) =>
    [...read(file).matchAll(/Node >= ?([\d.]+\d)/g)].map(([, version]) => [file, version]),
  );
  expect(named.map(([file]) => file)).toEqual(expect.arrayContaining(['README.md', 'docs/deploying.md']));
  expect(named.filter(([, version]) => version !== node)).toEqual([]);
});

test('the worker has the version of the project', () => {
  expect(/^version = "(.+)"$/m.exec(read('gpu-worker/pyproject.toml'))?.[1]).toBe(JSON.parse(read('package.json')).version);
});

test('the launcher, the worker and the documents name the same minimum Python version [start.versions]', () => {
  expect(python).toBeDefined();
  expect(/requires-python = ">=([\d.]+)"/.exec(read('gpu-worker/pyproject.toml'))?.[1]).toBe(python);
  const files = [...DOCUMENTS, 'scripts/launch.mjs', 'gpu-worker/service/start-service.ps1'];
  const named = files.flatMap((file) =>
    [...read(file).matchAll(/Python (?:>= ?)?(\d\.\d+)(?: or newer| with venv)/g)].map(([, version]) => [file, version]),
  );
  expect(named.map(([file]) => file)).toEqual(expect.arrayContaining(['README.md', 'scripts/launch.mjs']));
  expect(named.filter(([, version]) => version !== python)).toEqual([]);
});
