/** Builds the pages when their sources have changed; the host serves the result, the stack publishes it. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PROJECT = join(import.meta.dirname, '..');
const OUT = join(PROJECT, '.local', 'web');
const SOURCES = ['web', 'core/contracts', 'package-lock.json'];

function hashOfSources(): string {
  const hash = createHash('sha256');
  for (const source of SOURCES) {
    const names = source.includes('.') ? [''] : readdirSync(join(PROJECT, source), { recursive: true, encoding: 'utf8' }).sort();
    for (const name of names.filter((each) => each === '' || /\.\w+$/.test(each)))
      hash.update(name).update(readFileSync(join(PROJECT, source, name)));
  }
  return hash.digest('hex');
}

/** Answers the folder with the built pages. @throws Error with the build's output */
export function buildPages(): string {
  const stamp = join(PROJECT, '.local', 'web.sha256');
  const hash = hashOfSources();
  if (existsSync(join(OUT, 'index.html')) && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return OUT;
  const vite = join(PROJECT, 'node_modules', 'vite', 'bin', 'vite.js');
  execFileSync(
    process.execPath,
    [vite, 'build', 'web', '--config', 'web/vite.config.ts', '--outDir', OUT, '--logLevel', 'warn'],
    {
      cwd: PROJECT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  writeFileSync(stamp, hash);
  return OUT;
}
