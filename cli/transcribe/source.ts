/** The files to transcribe, checked before their upload. */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { basename, dirname, extname, resolve } from 'node:path';
import type { Format } from '../../core/contracts/formats.ts';
import { CliError } from '../connection.ts';

/** A file that can be uploaded. */
export interface Source {
  readonly path: string;
  readonly name: string;
  /** Path of the text to write. */
  readonly target: string;
  readonly sizeBytes: number;
  /** Modification time; identifies the version of the file. */
  readonly modifiedMs: number;
}

/** Where the text goes. */
export interface OutputOptions {
  readonly format: Format;
  /** Whether the command waits for the text. */
  readonly follow: boolean;
  readonly stdout?: boolean;
  /** Overwrite existing texts. */
  readonly force?: boolean;
}

const isWritable = (folder: string): boolean => {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
};

/** @throws CliError if the text could not be written */
function checkTarget(path: string, target: string, force: boolean): void {
  if (target === path) throw new CliError('the text would overwrite the file itself; --stdout prints it');
  if (!force && existsSync(target)) throw new CliError(`${target} already exists; --force overwrites it`);
  if (!isWritable(dirname(path))) throw new CliError(`the text cannot be written to ${dirname(path)}; --stdout prints it`);
}

function sourceOf(file: string, format: Format): Source {
  const path = resolve(file);
  const found = existsSync(path) ? statSync(path) : undefined;
  if (found === undefined) throw new CliError('the file does not exist');
  if (!found.isFile()) throw new CliError('not a regular file');
  if (found.size === 0) throw new CliError('the file is empty');
  const target = `${path.slice(0, path.length - extname(path).length)}.${format}`;
  return { path, name: basename(path), target, sizeBytes: found.size, modifiedMs: found.mtimeMs };
}

/** Returns a function that checks one file after the other. It returns undefined for a file that it has already returned. */
export function sourceChecker({ format, follow, stdout, force = false }: OutputOptions): (file: string) => Source | undefined {
  const writesText = follow && !stdout;
  const fileOfTarget = new Map<string, string>();
  /** @throws CliError if the file cannot be uploaded or its text could not be written */
  return (file) => {
    const source = sourceOf(file, format);
    if (writesText) checkTarget(source.path, source.target, force);
    const other = fileOfTarget.get(source.target);
    if (other === source.path) return undefined;
    if (other !== undefined && writesText)
      throw new CliError(`its text and the text of ${other} would both be written to ${source.target}`);
    fileOfTarget.set(source.target, source.path);
    return source;
  };
}
