/**
 * Kills processes of a whole local host with SIGKILL at random times, and fills its disk, while clients record. Counts what was
 * answered and is not there afterwards. `npm start` runs in a file system of its own, which is small enough to be filled.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { clientEnv, freePort } from '../host/emulator.ts';
import { type HostNote, noteOf } from '../host/host-note.ts';
import { folders, PROJECT } from '../host/paths.ts';
import { poll } from '../host/poll.ts';
import { killLeftovers } from '../host/processes.ts';
import { type AudioChunk, cutRecording, type RecordingClient, recordingClient, uniqueCopy } from '../host/recording-client.ts';
import { signIn } from '../host/users.ts';
import { PROTOCOL_MODEL } from '../test/support/protocol-model.ts';

const DISK_MB = 900;
const READY_SECONDS = 180;
const CLIENTS = 3;
const [MIN_CHUNKS, MAX_CHUNKS] = [2, 5];
/** Pause between two kills, at most; and of a client between two chunks. */
const [MAX_LIFE_MS, CHUNK_MS] = [6000, 1500];
/** How often the disk is filled, spread over the kills, and for how long. */
const [FILLS, FULL_MS] = [5, 5000];
/** Until all recordings are transcribed after the last kill: some wait for leases and repeated messages. */
const SETTLE_SECONDS = 600;

/** Roles of processes, by what their command line contains; the first one that matches. */
const ROLES = [
  ['host', 'start.ts'],
  ['emulator', 'emulator/launcher.py'],
  ['function', '_worker.'],
  ['worker', 'gpu_worker'],
] as const;
type Role = (typeof ROLES)[number][0] | 'other';

interface Process {
  readonly pid: number;
  readonly role: Role;
}

/** Processes with this folder in their command line or environment. */
function processesOf(home: string): Process[] {
  const lines = execFileSync('ps', ['eww', '-eo', 'pid,args'], { encoding: 'utf8', maxBuffer: 64e6 }).split('\n');
  return lines
    .filter((line) => line.includes(home) && !line.includes('ps eww') && !line.includes('host-kills'))
    .map((line) => ({
      pid: Number.parseInt(line, 10),
      role: ROLES.find(([, part]) => line.includes(part))?.[0] ?? 'other',
    }));
}

/** What a client was answered. */
interface Answered {
  readonly id: string;
  readonly uploads: { readonly n: number; readonly key: string }[];
  isCompleted: boolean;
}

export interface HostKills {
  readonly kills: Readonly<Partial<Record<Role, number>>>;
  /** Starts of `npm start`, the first and the last included. */
  readonly starts: number;
  readonly slowestStartSeconds: number;
  readonly diskFull: number;
  readonly sessions: number;
  readonly uploads: number;
  readonly completed: number;
  /** Requests that failed and were repeated. */
  readonly repeated: number;
  /** What was answered and is missing. */
  readonly lost: readonly string[];
  readonly seconds: number;
}

class KilledHost {
  readonly home: string;
  readonly #port: number;
  #child: ChildProcess | undefined;
  #client: Promise<RecordingClient> | undefined;
  #output = '';
  starts = 0;
  slowestStartSeconds = 0;

  constructor(home: string, port: number) {
    this.home = home;
    this.#port = port;
  }

  get isDown(): boolean {
    return this.#child === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Runs `npm start` until it is ready. @throws Error with its output if it ends */
  async start(): Promise<void> {
    const args = ['--disable-warning=ExperimentalWarning', join('host', 'start.ts')];
    const options = ['--model', PROTOCOL_MODEL, '--port', String(this.#port), '--idle-seconds', '20'];
    const env = { ...process.env, CHUNKSCRIBE_HOME: this.home };
    const startedMs = Date.now();
    const child = spawn(process.execPath, [...args, ...options], { cwd: PROJECT, env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#output = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (data: Buffer) => {
        this.#output += data.toString();
      });
    await poll('ready', READY_SECONDS, async () => {
      if (this.isDown) throw new Error(`npm start ended:\n${this.#output}`);
      return this.#output.includes('Ready after');
    });
    this.starts += 1;
    this.slowestStartSeconds = Math.max(this.slowestStartSeconds, (Date.now() - startedMs) / 1000);
    Object.assign(process.env, clientEnv(this.note()));
    this.#client = undefined;
  }

  note(): HostNote {
    const note = noteOf(this.home);
    if (note === undefined) throw new Error('the host left no note');
    return note;
  }

  /** A client that is signed in; a new one after each start. */
  client(): Promise<RecordingClient> {
    const signedIn = async (): Promise<RecordingClient> => {
      const note = this.note();
      return recordingClient(note.url, (await signIn(note, note.operator)).access);
    };
    this.#client ??= signedIn().catch((error: unknown) => {
      this.#client = undefined;
      throw error;
    });
    return this.#client;
  }

  /** Ends it as Ctrl+C does. @throws Error with its output if it does not end */
  async end(): Promise<void> {
    if (!this.isDown) {
      this.#child?.kill('SIGINT');
      await poll('the end', 60, async () => this.isDown).catch((error: unknown) => {
        throw new Error(this.#output, { cause: error });
      });
    }
  }

  /** Leaves no process. */
  async close(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await killLeftovers(folders(this.home).run);
  }
}

/** Writes zeros until no byte is free; returns a function that frees them. */
function fill(home: string): () => void {
  const file = join(home, 'filler');
  const descriptor = openSync(file, 'w');
  try {
    for (const size of [8_000_000, 64_000, 1000]) for (;;) if (!written(descriptor, size)) break;
    fsyncSync(descriptor);
  } catch {
    // full
  } finally {
    closeSync(descriptor);
  }
  return () => rmSync(file, { force: true });
}
function written(descriptor: number, size: number): boolean {
  try {
    return writeSync(descriptor, Buffer.alloc(size)) === size;
  } catch {
    return false;
  }
}

/** Repeats a request until it is answered, as recorders do. */
async function answered<T>(act: () => Promise<T>, isOver: () => boolean, onRepeat: () => void): Promise<T | undefined> {
  while (!isOver()) {
    try {
      return await act();
    } catch {
      onRepeat();
      await wait(500);
    }
  }
  return undefined;
}

/** One client: records short sessions until it is over. */
async function record(
  host: KilledHost,
  pieces: readonly AudioChunk[],
  random: () => number,
  { all, isOver, onRepeat }: { readonly all: Answered[]; isOver(): boolean; onRepeat(): void },
): Promise<void> {
  const ask = <T>(act: (client: RecordingClient) => Promise<T>): Promise<T | undefined> =>
    answered(async () => act(await host.client()), isOver, onRepeat);
  while (!isOver()) {
    const session = await ask((client) => client.createSession({ title: 'Kills' }));
    if (session === undefined) return;
    const one: Answered = { id: session.id, uploads: [], isCompleted: false };
    all.push(one);
    const count = MIN_CHUNKS + Math.floor(random() * (MAX_CHUNKS - MIN_CHUNKS + 1));
    for (let n = 1; n <= count; n += 1) {
      const piece = pieces[Math.floor(random() * pieces.length)];
      if (piece === undefined) throw new Error('the sample is too short');
      const copy = uniqueCopy(piece);
      const key = await ask(async (client) => {
        const { key: found } = await client.presign(one.id, n, copy);
        const { status } = await client.upload(one.id, n, copy);
        if (status !== 200 && status !== 412) throw new Error(`S3 returned ${status}`);
        return found;
      });
      if (key === undefined) return;
      one.uploads.push({ n, key });
      await wait(CHUNK_MS * random());
    }
    if ((await ask((client) => client.complete(one.id, count))) !== undefined) one.isCompleted = true;
  }
}

/** What one client was answered and is missing. A session that was not completed is completed now. */
async function lostNow(client: RecordingClient, s3: S3Client, Bucket: string, one: Answered): Promise<string[]> {
  const session = await client.session(one.id).catch(() => undefined);
  if (session === undefined) return [`session ${one.id}`];
  const lost: string[] = [];
  for (const { n, key: Key } of one.uploads)
    await s3.send(new HeadObjectCommand({ Bucket, Key })).catch(() => lost.push(`upload ${n} of ${one.id}`));
  if (one.isCompleted && session.state !== 'completed') lost.push(`Stop of ${one.id}`);
  if (one.uploads.length > 0) await client.complete(one.id, one.uploads.length);
  return lost;
}

/** What of the answered things is missing, and the recordings without a complete text. */
async function lostOf(host: KilledHost, all: readonly Answered[]): Promise<string[]> {
  const client = await host.client();
  const s3 = new S3Client({ forcePathStyle: true });
  const lost: string[] = [];
  for (const one of all) lost.push(...(await lostNow(client, s3, host.note().bucketName, one)));
  const untilMs = Date.now() + 1000 * SETTLE_SECONDS;
  for (const { id } of all.filter(({ uploads }) => uploads.length > 0)) {
    const seconds = Math.max(5, (untilMs - Date.now()) / 1000);
    const transcript = await client.awaitTranscript(id, seconds).catch(() => undefined);
    if (transcript?.status !== 'completed') lost.push(`text of ${id}: ${transcript?.status ?? 'none'}`);
  }
  return lost;
}

/** Kills `count` processes at random while clients record, and fills the disk between them; this takes root. */
export async function hostKills(count: number, random: () => number): Promise<HostKills> {
  const home = mkdtempSync(join(tmpdir(), 'chunkscribe-kills-'));
  const isOwnDisk = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m`, 'tmpfs', home]).status === 0;
  const startedMs = Date.now();
  const host = new KilledHost(home, await freePort(0));
  const kills: Partial<Record<Role, number>> = {};
  const all: Answered[] = [];
  let [isOver, repeated, diskFull] = [false, 0, 0];
  try {
    await host.start();
    const cut = mkdtempSync(join(tmpdir(), 'cut-'));
    const pieces = cutRecording(join(PROTOCOL_MODEL, 'samples', 'sample-125s.webm'), cut, 10);
    const world = { all, isOver: () => isOver, onRepeat: () => void repeated++ };
    const clients = Array.from({ length: CLIENTS }, () => record(host, pieces, random, world));
    for (let killed = 0; killed < count; ) {
      await wait(MAX_LIFE_MS * random());
      const found = processesOf(home);
      const roles = [...new Set(found.map(({ role }) => role))];
      const role = roles[Math.floor(random() * roles.length)];
      const ofRole = found.filter((one) => one.role === role);
      const victim = ofRole[Math.floor(random() * ofRole.length)];
      if (role === undefined || victim === undefined) continue;
      try {
        process.kill(victim.pid, 'SIGKILL');
      } catch {
        continue; // the process has just ended
      }
      killed += 1;
      kills[role] = (kills[role] ?? 0) + 1;
      if (isOwnDisk && killed % Math.ceil(count / FILLS) === 0) {
        const free = fill(home);
        diskFull += 1;
        await wait(FULL_MS);
        free();
      }
      await wait(100);
      if (host.isDown) await host.start();
    }
    isOver = true;
    await Promise.all(clients);
    await host.end();
    await host.start();
    const lost = await lostOf(host, all);
    return {
      ...{ kills, starts: host.starts, slowestStartSeconds: host.slowestStartSeconds, diskFull, repeated, lost },
      sessions: all.length,
      uploads: all.reduce((sum, { uploads }) => sum + uploads.length, 0),
      completed: all.filter(({ isCompleted }) => isCompleted).length,
      seconds: Math.round((Date.now() - startedMs) / 1000),
    };
  } finally {
    isOver = true;
    await host.close();
    if (isOwnDisk) execFileSync('umount', ['-l', home]);
    rmSync(home, { recursive: true, force: true });
  }
}
