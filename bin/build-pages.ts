/** Builds the pages that the stack publishes. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { builtOnce, PROJECT } from './built-once.ts';

/** Returns the folder with the built pages. @throws Error with the build's output */
export const buildPages = (): string =>
  builtOnce('pages', ['web', 'core/contracts', 'package-lock.json'], (folder) => {
    const vite = join(PROJECT, 'node_modules', 'vite', 'bin', 'vite.js');
    const args = [vite, 'build', 'web', '--config', 'web/vite.config.ts', '--outDir', folder, '--logLevel', 'warn'];
    execFileSync(process.execPath, args, { cwd: PROJECT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  });
