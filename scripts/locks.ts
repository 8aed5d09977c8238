/**
 * `npm run lock`: writes the lock of each extra of gpu-worker/pyproject.toml. Locked versions stay; arguments for uv change them, such
 * as `npm run lock -- --upgrade-package boto3`.
 *
 * `dev` contains all other extras but `gpu` and `bench`. It is locked first and binds the others, so that all locks have the same versions.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const PROJECT = join(import.meta.dirname, '..');
const UV = join(PROJECT, '.local', 'venvs', 'tools', 'bin', 'uv');
const OTHERS = ['cloud', 'serve', 'gpu', 'protocol-model', 'bench'];

const lockOf = (extra: string): string => `requirements-${extra}.txt`;

function lock(extra: string, ...options: readonly string[]): void {
  const args = ['pip', 'compile', '--quiet', '--universal', '--generate-hashes', '--no-header', 'pyproject.toml'];
  args.push('--extra', extra, '--output-file', lockOf(extra), ...options);
  const { status } = spawnSync(UV, args, { cwd: join(PROJECT, 'gpu-worker'), stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

if (!existsSync(UV)) {
  process.stderr.write('uv is missing. Install the project first: npm run check\n');
  process.exit(1);
}
const chosen = process.argv.slice(2);
lock('dev', ...chosen);
for (const extra of OTHERS) lock(extra, '--constraint', lockOf('dev'), ...chosen);
