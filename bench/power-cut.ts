/**
 * The order in which the service writes to the disk, from the calls of the real process (strace): what it answers must be there
 * after a power cut, which loses everything that was not synced.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, openAsBlob, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, isResponding } from '../host/emulator.ts';
import { PROJECT, WORKER_PYTHON } from '../host/paths.ts';
import { poll } from '../host/poll.ts';
import { PROTOCOL_MODEL } from '../test/support/protocol-model.ts';

/** A call that matters, by the part of its line that names it, in the order in which they must appear. */
const UPLOAD = [
  ['the upload is synced', /fsync\(\d+<[^>]*\/uploads\/new-[0-9a-f]+>\)/],
  ['it gets its name', /rename\w*\(.*uploads\/new-[0-9a-f]+.*uploads\/\d+"/],
  ['the name is synced', /fsync\(\d+<[^>]*\/uploads>\)/],
  ['the job is synced', /f(data)?sync\(\d+<[^>]*\/jobs\.sqlite-wal>\)/],
  ['the response is sent', /(sendto|write|sendmsg)\(\d+<[^>]*>, .*HTTP\/1\.1 200 OK.*/],
] as const;
const RESULT = [
  ['the result is synced', /fsync\(\d+<[^>]*\/results\/[^>]*\.new>\)/],
  ['it gets its name', /rename\w*\(.*results\/[^"]*\.new.*results\/\d+\.json"/],
  ['the name is synced', /fsync\(\d+<[^>]*\/results>\)/],
  ['the end of the job is synced', /f(data)?sync\(\d+<[^>]*\/jobs\.sqlite-wal>\)/],
] as const;

type Steps = readonly (readonly [string, RegExp])[];

/** The steps that were found in this order, each after the one before. */
function inOrder(lines: readonly string[], steps: Steps): string[] {
  let from = 0;
  const found: string[] = [];
  for (const [name, pattern] of steps) {
    const at = lines.findIndex((line, index) => index >= from && pattern.test(line));
    if (at === -1) break;
    found.push(name);
    from = at + 1;
  }
  return found;
}

/** Ends strace and the service, which are one process group; strace then writes the rest of its trace. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  process.kill(-child.pid, 'SIGTERM');
  await exit;
}

/** Traces the service while it takes one file and transcribes it. @throws Error if strace is not installed */
export async function powerCut(): Promise<{ readonly steps: readonly string[]; readonly isComplete: boolean }> {
  if (spawnSync('strace', ['--version']).status !== 0) throw new Error('this proof needs strace; install it first');
  const root = mkdtempSync(join(tmpdir(), 'power-cut-'));
  const trace = join(root, 'trace');
  const sample = join(root, 'sample.wav');
  execFileSync(WORKER_PYTHON, [join(PROJECT, 'test', 'host', 'make_audio.py'), sample, '10']);
  const port = await freePort(8866);
  const calls = 'trace=fsync,fdatasync,rename,renameat,renameat2,sendto,sendmsg,write';
  const serve = ['-m', 'gpu_worker', 'serve', '--model', PROTOCOL_MODEL, '--port', String(port), '--folder', join(root, 'data')];
  const env = { ...process.env, PYTHONPATH: join(PROJECT, 'gpu-worker', 'src') };
  const child = spawn('strace', ['-f', '-y', '-s', '64', '-e', calls, '-o', trace, WORKER_PYTHON, ...serve], {
    stdio: 'ignore',
    env,
    detached: true,
  });
  const url = `http://127.0.0.1:${port}`;
  try {
    await poll(
      'the model',
      180,
      async () => (await isResponding(`${url}/health`)) && (await (await fetch(`${url}/health`)).text()).includes('true'),
    );
    const from = readFileSync(trace, 'utf8').split('\n').length;
    const body = new FormData();
    body.append('job_id', 'one');
    body.append('file', await openAsBlob(sample), 'talk.wav');
    await fetch(`${url}/transcribe`, { method: 'POST', body });
    await poll('the end', 120, async () => (await (await fetch(`${url}/status/one`)).text()).includes('"completed"'));
    await ended(child);
    const lines = readFileSync(trace, 'utf8')
      .split('\n')
      .slice(from - 1);
    const steps = [...inOrder(lines, UPLOAD), ...inOrder(lines, RESULT)];
    return { steps, isComplete: steps.length === UPLOAD.length + RESULT.length };
  } finally {
    await ended(child);
    rmSync(root, { recursive: true, force: true });
  }
}
