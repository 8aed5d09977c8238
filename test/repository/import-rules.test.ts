import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import * as z from 'zod';

const PROJECT = join(import.meta.dirname, '../..');
const RULES = join(PROJECT, '.dependency-cruiser.cjs');

/** A rule, a file, and the import of this file that violates the rule. */
const VIOLATIONS = [
  ['contracts-stand-alone', 'core/contracts/a.ts', '../stub.ts'],
  ['contracts-stand-alone', 'core/contracts/b.ts', 'p-map'],
  ['core-without-io', 'core/a.ts', '../lambdas/adapters/stub.ts'],
  ['core-without-io', 'core/b.ts', '@aws-sdk/client-s3'],
  ['core-without-io', 'core/c.ts', 'node:fs'],
  ['core-without-io', 'core/d.ts', 'commander'],
  ['core-without-io', 'core/e.ts', 'not-installed'],
  ['core-without-io', 'core/f.ts', './not-in-the-order/stub.ts'],
  ['core-in-order', 'core/sessions/a.ts', '../transcripts/stub.ts'],
  ['core-in-order', 'core/g.ts', './fleet/stub.ts'],
  ['handler-only-translates', 'lambdas/a/handler.ts', 'ulid'],
  ['handler-only-translates', 'lambdas/b/handler.ts', 'node:https'],
  ['handler-only-translates', 'lambdas/c/handler.ts', '../stub/handler.ts'],
  ['handler-calls-no-aws', 'lambdas/d/handler.ts', '../adapters/stub.ts'],
  ['handler-calls-no-aws', 'lambdas/e/handler.ts', '@aws-sdk/client-dynamodb'],
  ['index-wires', 'lambdas/f/index.ts', '../stub/index.ts'],
  ['index-wires', 'lambdas/g/index.ts', 'aws-cdk-lib'],
  ['adapters-know-core', 'lambdas/adapters/a.ts', '../runtime/stub.ts'],
  ['adapters-know-core', 'lambdas/adapters/b.ts', '@middy/core'],
  ['runtime-knows-core', 'lambdas/runtime/a.ts', '../adapters/stub.ts'],
  ['runtime-knows-core', 'lambdas/runtime/b.ts', '@aws-sdk/client-s3'],
  ['lib-knows-contracts', 'lib/a.ts', '../core/fleet/stub.ts'],
  ['lib-knows-contracts', 'lib/b.ts', '../bin/stub.ts'],
  ['bin-builds', 'bin/a.ts', '../core/fleet/stub.ts'],
  ['host-knows-contracts', 'host/a.ts', '../lambdas/stub/index.ts'],
  ['host-knows-contracts', 'host/b.ts', '../core/fleet/stub.ts'],
  ['cli-knows-contracts', 'cli/a.ts', '../host/stub.ts'],
  ['smoke-deploys-and-records', 'cli/smoke/a.ts', '../../host/stub.ts'],
  ['mcp-knows-contracts', 'mcp/a.ts', '../core/fleet/stub.ts'],
  ['pages-know-contracts', 'web/src/a.ts', '../../core/fleet/stub.ts'],
  ['pages-know-contracts', 'web/service-worker.ts', 'node:fs'],
  ['pages-build', 'web/vite.config.ts', './src/stub.ts'],
  ['scripts-know-the-product', 'scripts/a.ts', '../host/stub.ts'],
  ['bench-measures-the-product', 'bench/a.ts', '../lib/stub.ts'],
  ['every-file-has-a-room', 'elsewhere/a.ts', '../core/stub.ts'],
  ['tests-stand-alone', 'test/core/a.ts', './b.test.ts'],
  ['no-circular', 'core/h.ts', './i.ts'],
] as const;

/** Imports that no rule forbids; `core/i.ts` closes the cycle of `core/h.ts`. */
const ALLOWED = [
  ['core/i.ts', ['./h.ts']],
  ['core/contracts/allowed.ts', ['zod', './stub.ts']],
  ['core/transcripts/allowed.ts', ['zod', 'p-map', 'node:crypto', '../contracts/stub.ts', '../stub.ts', '../sessions/stub.ts']],
  ['lambdas/allowed/handler.ts', ['zod', '@aws-sdk/util-dynamodb', '../runtime/stub.ts', '../../core/fleet/stub.ts']],
  ['lambdas/allowed/index.ts', ['./handler.ts', '../adapters/stub.ts', '../runtime/stub.ts', '@aws-sdk/client-sfn']],
  ['lambdas/adapters/allowed.ts', ['node:https', '@aws-sdk/client-s3', '../../core/fleet/stub.ts']],
  ['test/core/b.test.ts', ['vitest', '../../lib/stub.ts', '../../core/fleet/stub.ts']],
] as const;

const STUBS = [
  ...['core', 'core/contracts', 'core/fleet', 'core/sessions', 'core/transcripts', 'core/not-in-the-order'],
  ...['lambdas/adapters', 'lambdas/runtime', 'lib', 'bin', 'host', 'web/src'],
].map((folder) => `${folder}/stub.ts`);

const Report = z.object({
  summary: z.object({ violations: z.array(z.object({ from: z.string(), rule: z.object({ name: z.string() }) })) }),
});

const planted = mkdtempSync(join(PROJECT, '.local', 'planted-'));
afterAll(() => rmSync(planted, { recursive: true, force: true }));

function write(name: string, text: string): void {
  mkdirSync(dirname(join(planted, name)), { recursive: true });
  writeFileSync(join(planted, name), text);
}

/** Files with violations, with the names of the violated rules. */
function findings(): string[] {
  symlinkSync(join(PROJECT, 'node_modules'), join(planted, 'node_modules'));
  write('tsconfig.json', '{"compilerOptions":{"module":"nodenext","allowImportingTsExtensions":true,"noEmit":true}}');
  write('package.json', '{"type":"module"}');
  write(
    'rules.cjs',
    `const rules = require(${JSON.stringify(RULES)});
    module.exports = { ...rules, options: { ...rules.options, exclude: undefined } };`,
  );
  for (const name of [...STUBS, 'lambdas/stub/handler.ts', 'lambdas/stub/index.ts']) write(name, 'export {};');
  for (const [, name, imported] of VIOLATIONS) write(name, `import '${imported}';`);
  for (const [name, imports] of ALLOWED) write(name, imports.map((imported) => `import '${imported}';`).join('\n'));
  const rooms = ['bench', 'bin', 'cli', 'core', 'elsewhere', 'host', 'lambdas', 'lib', 'mcp', 'scripts', 'test', 'web'];
  const args = ['--config', 'rules.cjs', '--output-type', 'json', ...rooms];
  const { stdout } = spawnSync(join(PROJECT, 'node_modules/.bin/depcruise'), args, { cwd: planted, encoding: 'utf8' });
  return Report.parse(JSON.parse(stdout)).summary.violations.map(({ from, rule }) => `${rule.name}: ${from}`);
}

const found = findings();

test.each(VIOLATIONS)('a planted violation of %s is reported [code.rooms]', (rule, file) => {
  expect(found).toContain(`${rule}: ${file}`);
});

test('nothing but the planted violations is reported', () => {
  expect(found.toSorted()).toEqual(VIOLATIONS.map(([rule, file]) => `${rule}: ${file}`).toSorted());
});

test('every rule has a planted violation [code.rooms]', () => {
  const Rules = z.object({ forbidden: z.array(z.object({ name: z.string() })) });
  const { forbidden } = Rules.parse(createRequire(import.meta.url)(RULES));
  expect(new Set(forbidden.map(({ name }) => name))).toEqual(new Set(VIOLATIONS.map(([rule]) => rule)));
});
