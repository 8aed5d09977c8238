import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import * as z from 'zod';

const PROJECT = join(import.meta.dirname, '../..');
const planted = mkdtempSync(join(PROJECT, '.local', 'planted-'));
symlinkSync(join(PROJECT, 'node_modules'), join(planted, 'node_modules'));
afterAll(() => rmSync(planted, { recursive: true, force: true }));

const Report = z.object({ summary: z.object({ violations: z.array(z.object({ rule: z.object({ name: z.string() }) })) }) });

/** Names of the rules that these files violate. */
function broken(files: Readonly<Record<string, string>>): string[] {
  const folder = mkdtempSync(join(planted, 'p-'));
  symlinkSync(join(PROJECT, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(
    join(folder, 'tsconfig.json'),
    '{"compilerOptions":{"module":"nodenext","allowImportingTsExtensions":true,"noEmit":true}}',
  );
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const rooms = [...new Set(Object.keys(files).map((name) => name.split('/')[0] ?? ''))];
  const args = ['--config', 'rules.cjs', '--output-type', 'json', ...rooms];
  writeFileSync(
    join(folder, 'rules.cjs'),
    `const rules = require(${JSON.stringify(join(PROJECT, '.dependency-cruiser.cjs'))});
    module.exports = { ...rules, options: { ...rules.options, exclude: undefined } };`,
  );
  let text: string;
  try {
    text = execFileSync(join(PROJECT, 'node_modules/.bin/depcruise'), args, { cwd: folder, encoding: 'utf8' });
  } catch (error) {
    text = z.object({ stdout: z.string() }).parse(error).stdout;
  }
  return Report.parse(JSON.parse(text)).summary.violations.map(({ rule }) => rule.name);
}

test.each([
  ['core-is-pure', { 'core/a.ts': "import '../lambdas/b.ts';", 'lambdas/b.ts': 'export {};' }],
  ['core-is-pure', { 'core/a.ts': "import '@aws-sdk/client-s3';" }],
  ['core-without-io', { 'core/a.ts': "import 'node:fs';" }],
  ['contracts-stand-alone', { 'core/contracts/a.ts': "import '../sessions/b.ts';", 'core/sessions/b.ts': 'export {};' }],
  ['lambdas-not-infrastructure', { 'lambdas/x/index.ts': "import 'aws-cdk-lib';" }],
  ['handler-only-translates', { 'lambdas/x/handler.ts': "import '../adapters/a.ts';", 'lambdas/adapters/a.ts': 'export {};' }],
  ['functions-apart', { 'lambdas/x/index.ts': "import '../y/index.ts';", 'lambdas/y/index.ts': 'export {};' }],
  ['adapters-know-core', { 'lambdas/adapters/a.ts': "import '../runtime/b.ts';", 'lambdas/runtime/b.ts': 'export {};' }],
  ['lib-knows-contracts', { 'lib/a.ts': "import '../core/fleet/b.ts';", 'core/fleet/b.ts': 'export {};' }],
  ['host-knows-contracts', { 'host/a.ts': "import '../lambdas/b.ts';", 'lambdas/b.ts': 'export {};' }],
  ['clients-know-contracts', { 'cli/a.ts': "import '../host/b.ts';", 'host/b.ts': 'export {};' }],
  ['pages-know-contracts', { 'web/src/a.ts': "import '../../core/fleet/b.ts';", 'core/fleet/b.ts': 'export {};' }],
  ['no-circular', { 'core/a.ts': "import './b.ts';", 'core/b.ts': "import './a.ts';" }],
] satisfies [string, Record<string, string>][])('a planted violation of %s is reported', (rule, files) => {
  expect(broken(files)).toContain(rule);
});

test('code without violations has no findings', () => {
  expect(broken({ 'core/a.ts': "import './contracts/b.ts';", 'core/contracts/b.ts': 'export {};' })).toEqual([]);
});
