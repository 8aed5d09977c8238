/**
 * Child processes that never outlive us for long: each in a group of its own, written down while it runs.
 * When this process is killed with SIGKILL, the next start finds the notes and ends what is left.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  createWriteStream,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const STOP_PATIENCE_MS = 10_000;
const POLL_MS = 50;
const HOST_NOTE = 'host.json';

/** Start of a process since boot, from Linux itself; empty when it is gone or only waits to be buried. */
function beganAtOnLinux(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // Behind the name, which may hold anything: the state is the third field, the start the twenty-second.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? '' : (fields[19] ?? '');
}

/** A process is the one noted only if it also began when the note says: ids are used again. */
const beganAt = (pid: number): string => {
  try {
    if (process.platform === 'linux') return beganAtOnLinux(pid);
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return '';
  }
};

const signalGroup = (pid: number, signal: NodeJS.Signals): boolean => {
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
};

export interface Started {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  /** TERM, then after ten seconds KILL to the whole group. */
  stop(): Promise<void>;
}

export interface ProcessOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly logFile: string;
  readonly runFolder: string;
}

export function startProcess({ name, command, args, env, cwd, logFile, runFolder }: ProcessOptions): Started {
  mkdirSync(runFolder, { recursive: true });
  const log = createWriteStream(logFile, { flags: 'a' });
  const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const pid = child.pid;
  const note = join(runFolder, `${name}.json`);
  if (pid !== undefined) writeFileSync(note, JSON.stringify({ pid, began: beganAt(pid) }));
  const exited = new Promise<number | null>((resolve) => {
    child.once('error', (error) => log.write(`${error.message}\n`, () => resolve(null)));
    child.once('exit', (code) => {
      // What the process left behind in its group goes with it.
      if (pid !== undefined) signalGroup(pid, 'SIGKILL');
      rmSync(note, { force: true });
      resolve(code);
    });
    // Its last output can still come after its exit.
    child.once('close', () => log.end());
  });
  return {
    child,
    exited,
    async stop() {
      if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const patience = new AbortController();
      const tooLate = wait(STOP_PATIENCE_MS, 'late' as const, { signal: patience.signal }).catch(() => 'ended' as const);
      if ((await Promise.race([exited, tooLate])) === 'late') signalGroup(pid, 'SIGKILL');
      patience.abort();
      await exited;
    },
  };
}

interface Note {
  readonly pid: number;
  readonly began: string;
}

const readNote = (file: string): Note | undefined => {
  try {
    const { pid, began } = JSON.parse(readFileSync(file, 'utf8'));
    return typeof pid === 'number' && typeof began === 'string' ? { pid, began } : undefined;
  } catch {
    return undefined;
  }
};

const isAlive = ({ pid, began }: Note): boolean => began !== '' && beganAt(pid) === began;

/** Ends what a killed host has left; answers the names. */
export async function endLeftovers(runFolder: string): Promise<string[]> {
  if (!existsSync(runFolder)) return [];
  const ended: string[] = [];
  for (const file of readdirSync(runFolder).filter((name) => !name.startsWith(HOST_NOTE))) {
    const note = readNote(join(runFolder, file));
    if (note !== undefined && isAlive(note)) {
      signalGroup(note.pid, 'SIGKILL');
      while (isAlive(note)) await wait(POLL_MS);
      ended.push(file.replace(/\.json$/, ''));
    }
    rmSync(join(runFolder, file), { force: true });
  }
  return ended;
}

/**
 * Notes this process, and what there is to know about it, as the host of a folder; the other one when one runs there already.
 * Of two that start at once, one gets it: the note is written whole beside its place, and linking fails where there is one.
 */
export function claimFolder(runFolder: string, about: object = {}): { readonly pid: number } | undefined {
  mkdirSync(runFolder, { recursive: true });
  const file = join(runFolder, HOST_NOTE);
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, JSON.stringify({ ...about, pid: process.pid, began: beganAt(process.pid) }));
  for (;;) {
    const holder = existsSync(file) ? readNote(file) : undefined;
    if (holder?.pid === process.pid) {
      renameSync(mine, file);
      return undefined;
    }
    if (holder !== undefined && isAlive(holder)) {
      rmSync(mine);
      return holder;
    }
    rmSync(file, { force: true });
    try {
      linkSync(mine, file);
      rmSync(mine);
      return undefined;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }
}

export const releaseFolder = (runFolder: string): void => rmSync(join(runFolder, HOST_NOTE), { force: true });
