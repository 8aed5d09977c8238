/**
 * Supervises child processes, and allows one host per folder.
 *
 * Each child runs in its own process group and has a note (pid and start time) in the run folder while it runs. When it exits, its
 * whole group is killed. If the host itself is killed, the next start reads the notes and kills the leftovers.
 *
 * Gotchas: pids are reused, so a process is identified by pid and start time. `host.json` is the note of the host itself.
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
import { OWNER_ONLY_FILE } from './home-keys.ts';

const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 50;
const HOST_NOTE = 'host.json';

/** Start time of a process in ticks since boot, from /proc; empty for a zombie. @throws if it does not exist */
function startTimeOnLinux(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // Parse after the name, which may contain anything: state is field 3, start time field 22.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? '' : (fields[19] ?? '');
}

/** Start time of a process; empty if it does not run. */
const startTimeOf = (pid: number): string => {
  try {
    if (process.platform === 'linux') return startTimeOnLinux(pid);
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
  /** Sends SIGTERM; after STOP_TIMEOUT_MS, SIGKILL to the whole group. */
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

/** Starts a child process with its output in a log file. */
export function startProcess({ name, command, args, env, cwd, logFile, runFolder }: ProcessOptions): Started {
  mkdirSync(runFolder, { recursive: true });
  const log = createWriteStream(logFile, { flags: 'a' });
  const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const pid = child.pid;
  const note = join(runFolder, `${name}.json`);
  if (pid !== undefined) writeFileSync(note, JSON.stringify({ pid, began: startTimeOf(pid) }));
  const exited = new Promise<number | null>((resolve) => {
    child.once('error', (error) => log.write(`${error.message}\n`, () => resolve(null)));
    child.once('exit', (code) => {
      // Kill what the process left in its group.
      if (pid !== undefined) signalGroup(pid, 'SIGKILL');
      rmSync(note, { force: true });
      resolve(code);
    });
    // Output may still arrive after the exit.
    child.once('close', () => log.end());
  });
  return {
    child,
    exited,
    async stop() {
      if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const timer = new AbortController();
      const tooLate = wait(STOP_TIMEOUT_MS, 'late' as const, { signal: timer.signal }).catch(() => 'ended' as const);
      if ((await Promise.race([exited, tooLate])) === 'late') signalGroup(pid, 'SIGKILL');
      timer.abort();
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

const isAlive = ({ pid, began }: Note): boolean => began !== '' && startTimeOf(pid) === began;

/** Kills processes that a killed host left; returns their names. */
export async function killLeftovers(runFolder: string): Promise<string[]> {
  if (!existsSync(runFolder)) return [];
  const killed: string[] = [];
  for (const file of readdirSync(runFolder).filter((name) => !name.startsWith(HOST_NOTE))) {
    const note = readNote(join(runFolder, file));
    if (note !== undefined && isAlive(note)) {
      signalGroup(note.pid, 'SIGKILL');
      while (isAlive(note)) await wait(POLL_MS);
      killed.push(file.replace(/\.json$/, ''));
    }
    rmSync(join(runFolder, file), { force: true });
  }
  return killed;
}

/**
 * Registers this process and `about` as the host of a folder. Returns the other process if a host runs there.
 * Atomic: the note is written to a temporary file and hard-linked, which fails if another host was faster.
 */
export function claimFolder(runFolder: string, about: object = {}): { readonly pid: number } | undefined {
  mkdirSync(runFolder, { recursive: true });
  const file = join(runFolder, HOST_NOTE);
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, JSON.stringify({ ...about, pid: process.pid, began: startTimeOf(process.pid) }), { mode: OWNER_ONLY_FILE });
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

/** Removes the host's note. */
export const releaseFolder = (runFolder: string): void => rmSync(join(runFolder, HOST_NOTE), { force: true });
