/** What is built from sources is built once for each state of them, whoever asks, and however many at a time. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';

export const PROJECT = join(import.meta.dirname, '..');
const BUILT = join(PROJECT, '.local', 'built');
/** What nobody has asked for in this time goes. */
const KEPT_MS = 86_400_000;

/** `sources`: files, and folders with all in them, by their paths from the project. */
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

/** Answers the folder with the result; `build` fills an empty one, and throws when it cannot. */
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
    if (!existsSync(folder)) throw error; // else somebody else was faster
  }
  for (const other of readdirSync(BUILT)) {
    const path = join(BUILT, other);
    if (Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) > KEPT_MS)
      rmSync(path, { recursive: true, force: true });
  }
  return folder;
}
