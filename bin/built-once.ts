/** Caches build output by a hash of its sources. Concurrent processes may build the same output; the first to finish wins. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';

export const PROJECT = join(import.meta.dirname, '..');
const BUILT = join(PROJECT, '.local', 'built');
/** Entries unused for this long are evicted. */
const KEPT_MS = 86_400_000;

/** `sources`: files and folders (recursive), relative to the project. */
function hashOf(sources: readonly string[]): string {
  const hash = createHash('sha256');
  for (const source of sources) {
    const path = join(PROJECT, source);
    const isFile = statSync(path).isFile();
    const names = isFile ? [''] : readdirSync(path, { recursive: true, encoding: 'utf8' }).sort();
    for (const name of names) {
      if (!isFile && !statSync(join(path, name)).isFile()) continue;
      hash.update(`${source}/${name}\0`).update(readFileSync(join(path, name)));
    }
  }
  return hash.digest('hex').slice(0, 20);
}

/** Returns the folder with the output. If there is none, `build` fills an empty folder; its error is passed on. */
export function builtOnce(name: string, sources: readonly string[], build: (folder: string) => void): string {
  const folder = join(BUILT, `${name}-${hashOf(sources)}`);
  if (existsSync(folder)) {
    utimesSync(folder, new Date(), new Date());
    return folder;
  }
  mkdirSync(BUILT, { recursive: true });
  const work = mkdtempSync(join(BUILT, 'new-'));
  try {
    build(work);
    renameSync(work, folder);
  } catch (error) {
    rmSync(work, { recursive: true, force: true });
    if (!existsSync(folder)) throw error; // otherwise another process has built the same output
  }
  for (const other of readdirSync(BUILT)) {
    const path = join(BUILT, other);
    if (Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) > KEPT_MS)
      rmSync(path, { recursive: true, force: true });
  }
  return folder;
}
