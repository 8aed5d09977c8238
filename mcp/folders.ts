/** File access of the MCP server, limited to the configured folders. Links are resolved before the check. */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, link, lstat, open, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { BackendError } from './backend.ts';

export interface Folders {
  /** Returns the real path of a regular file. @throws BackendError `path-not-allowed`, `file-not-found` */
  file(path: string): Promise<string>;
  /** Returns the real path of a folder; without `path`, of the folder of `beside`. @throws BackendError `path-not-allowed`, `folder-not-found` */
  folder(path: string | undefined, beside: string): Promise<string>;
  /**
   * Atomically saves a text as `{stem}{suffix}`. Existing files are never overwritten: one whose content `isOurs` is returned as it
   * is; otherwise `{stem} (2){suffix}` and so on is tried.
   * @returns path of the file
   * @throws BackendError `path-not-allowed` for a link, `file-exists`, `not-written`
   */
  save(folder: string, stem: string, suffix: string, text: string, isOurs: (content: string) => boolean): Promise<string>;
  /** Reads a regular file; undefined for links and everything else. */
  read(folder: string, name: string): Promise<string | undefined>;
  remove(folder: string, name: string): Promise<void>;
}

const refuse = (path: string): never => {
  throw new BackendError('path-not-allowed', `${path} is outside the folders that this server may use`);
};

/** Names tried for one text in one folder. */
const MAX_NAMES = 100;

const notWritten =
  (path: string) =>
  (error: NodeJS.ErrnoException): never => {
    throw new BackendError('not-written', `${path} cannot be written (${error.code})`);
  };

/** Atomically gives a complete temporary file its final name; false if the name is taken. */
async function publish(temporary: string, path: string): Promise<boolean> {
  const isTaken = ({ code }: NodeJS.ErrnoException): boolean => code === 'EEXIST';
  try {
    await link(temporary, path).catch((error) => {
      // Some file systems do not support hard links.
      if (isTaken(error)) throw error;
      return copyFile(temporary, path, constants.COPYFILE_EXCL);
    });
    return true;
  } catch (error) {
    return isTaken(error as NodeJS.ErrnoException) ? false : notWritten(path)(error as NodeJS.ErrnoException);
  }
}

async function readRegular(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      return (await file.stat()).isFile() ? await file.readFile('utf8') : undefined;
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

/** Whether a taken name holds a text that `isOurs`. @throws BackendError `path-not-allowed` for a link */
async function holdsOurs(path: string, isOurs: (content: string) => boolean): Promise<boolean> {
  if ((await lstat(path).catch(() => undefined))?.isSymbolicLink()) return refuse(path);
  const existing = await readRegular(path);
  return existing !== undefined && isOurs(existing);
}

/** Limits file access to these folders. Folders that do not exist are ignored. */
export async function folders(configured: readonly string[]): Promise<Folders> {
  const found = await Promise.all(configured.map((path) => realpath(path).catch(() => undefined)));
  const roots = found.filter((path) => path !== undefined);
  const isBelow = (path: string): boolean =>
    roots.some((root) => {
      const inner = relative(root, path);
      return inner === '' || (!inner.startsWith('..') && !isAbsolute(inner));
    });
  /** Resolves and checks a path. Outside the allowed folders, every path is refused alike, whether it exists or not. */
  const real = async (path: string, missing: string): Promise<string> => {
    if (path.includes('\0')) return refuse('this path');
    const requested = resolve(roots[0] ?? '.', path);
    const resolved = await realpath(requested).catch(() => undefined);
    if (resolved === undefined) {
      const parent = await realpath(dirname(requested)).catch(() => undefined);
      if (parent === undefined || !isBelow(parent)) return refuse(path);
      throw new BackendError(missing, `${path} does not exist`);
    }
    return isBelow(resolved) ? resolved : refuse(path);
  };
  return {
    async file(path) {
      const resolved = await real(path, 'file-not-found');
      const found = await stat(resolved);
      if (!found.isFile()) throw new BackendError('path-not-allowed', `${path} is not a regular file`);
      return resolved;
    },
    async folder(path, beside) {
      const resolved = await real(path ?? dirname(beside), 'folder-not-found');
      if (!(await stat(resolved)).isDirectory()) throw new BackendError('path-not-allowed', `${path} is not a folder`);
      return resolved;
    },
    async save(folder, stem, suffix, text, isOurs) {
      const inside = await real(folder, 'folder-not-found');
      const temporary = join(inside, `.chunkscribe-${randomUUID()}.tmp`);
      await writeFile(temporary, text, { flag: 'wx', mode: 0o600 }).catch(notWritten(inside));
      try {
        for (let number = 1; number <= MAX_NAMES; number++) {
          const path = join(inside, basename(`${stem}${number === 1 ? '' : ` (${number})`}${suffix}`));
          if ((await publish(temporary, path)) || (await holdsOurs(path, isOurs))) return path;
        }
      } finally {
        await rm(temporary, { force: true });
      }
      throw new BackendError('file-exists', `${folder} has too many files named like ${stem}${suffix}; pass another output_dir`);
    },
    read: async (folder, name) => readRegular(join(await real(folder, 'folder-not-found'), basename(name))),
    async remove(folder, name) {
      await rm(join(await real(folder, 'folder-not-found'), basename(name)), { force: true });
    },
  };
}
