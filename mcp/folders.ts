/** Files of this machine that an assistant may have read and written: below the configured folders, by their real paths. */
import { constants } from 'node:fs';
import { open, realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { BackendError } from './backend.ts';

export interface Folders {
  /** The real path of a regular file. @throws BackendError `path-not-allowed`, `file-not-found` */
  file(path: string): Promise<string>;
  /** The real path of a folder; of the file's own without one. @throws BackendError `path-not-allowed`, `folder-not-found` */
  folder(path: string | undefined, beside: string): Promise<string>;
  /** Writes a file into an allowed folder; one that is a link is not followed. */
  write(folder: string, name: string, text: string): Promise<string>;
}

const refuse = (path: string): never => {
  throw new BackendError('path-not-allowed', `${path} is not below a folder that this server may use`);
};

/** Folders that are not there count for nothing. */
export async function folders(configured: readonly string[]): Promise<Folders> {
  const found = await Promise.all(configured.map((path) => realpath(path).catch(() => undefined)));
  const roots = found.filter((path) => path !== undefined);
  const isBelow = (path: string): boolean =>
    roots.some((root) => {
      const way = relative(root, path);
      return way === '' || (!way.startsWith('..') && !isAbsolute(way));
    });
  /** Real path, allowed; what does not exist is told only of places that may be looked at. */
  const real = async (path: string, missing: string): Promise<string> => {
    if (path.includes('\0')) return refuse('this path');
    const wanted = resolve(roots[0] ?? '.', path);
    const there = await realpath(wanted).catch(() => undefined);
    if (there === undefined) {
      const parent = await realpath(dirname(wanted)).catch(() => undefined);
      if (parent === undefined || !isBelow(parent)) return refuse(path);
      throw new BackendError(missing, `${path} does not exist`);
    }
    return isBelow(there) ? there : refuse(path);
  };
  return {
    async file(path) {
      const there = await real(path, 'file-not-found');
      const what = await stat(there);
      if (!what.isFile()) throw new BackendError('path-not-allowed', `${path} is no file`);
      return there;
    },
    async folder(path, beside) {
      const there = await real(path ?? dirname(beside), 'folder-not-found');
      if (!(await stat(there)).isDirectory()) throw new BackendError('path-not-allowed', `${path} is no folder`);
      return there;
    },
    async write(folder, name, text) {
      const path = join(await real(folder, 'folder-not-found'), basename(name));
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
      const file = await open(path, flags, 0o600).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ELOOP') return refuse(path);
        throw new BackendError('not-written', `${path} cannot be written (${error.code})`);
      });
      try {
        await file.writeFile(text);
      } finally {
        await file.close();
      }
      return path;
    },
  };
}
