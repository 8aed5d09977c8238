/** `npm start` with Ctrl+C, kill -9 and restarts, in its own folder and with its own ports. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { BatchRun, BatchRunDetails, SessionList } from '../../core/contracts/answers.ts';
import { contentSecurityPolicy } from '../../core/contracts/pages.ts';
import { clientEnv, freePort } from '../../host/emulator.ts';
import { noteOf } from '../../host/host-note.ts';
import { folders, PROJECT } from '../../host/paths.ts';
import { poll } from '../../host/poll.ts';
import { killLeftovers } from '../../host/processes.ts';
import { recordingClient, uniqueCopy } from '../../host/recording-client.ts';
import { signIn } from '../../host/users.ts';
import { PROTOCOL_MODEL } from '../support/protocol-model.ts';
import { sampleChunks } from './support.ts';

/** Outside the project. */
const home = mkdtempSync(join(tmpdir(), 'chunkscribe-life-'));
const READY_SECONDS = 120;
/** More than the worker transcribes before the host is killed. */
const BATCH_CHUNKS = 12;
const children: ChildProcess[] = [];
function node(script: string, ...args: string[]): ChildProcess {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join('host', script), ...args], {
    cwd: PROJECT,
    env: { ...process.env, CHUNKSCRIBE_HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  return child;
}

/** Collects the output of a process. */
function listen(child: ChildProcess): { text: () => string; exited: Promise<number | null> } {
  let text = '';
  child.stdout?.on('data', (data: Buffer) => {
    text += data.toString();
  });
  child.stderr?.on('data', (data: Buffer) => {
    text += data.toString();
  });
  return { text: () => text, exited: new Promise((resolve) => child.once('exit', resolve)) };
}

async function start() {
  const child = node('start.ts', '--model', PROTOCOL_MODEL, '--port', '18080', '--idle-seconds', '3');
  const output = listen(child);
  await poll('ready', READY_SECONDS, async () => {
    if (child.exitCode !== null) throw new Error(output.text());
    return output.text().includes('Ready after');
  });
  const note = noteOf(home);
  if (note === undefined) throw new Error('the host left no note');
  return { child, note, ...output };
}

/** Sends a request with another host name, as after DNS rebinding. */
const statusByName = (url: string, name: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    get(url, { headers: { host: `${name}:${new URL(url).port}` } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    }).on('error', reject);
  });

/** Processes with this folder in their command line or environment. */
const processes = (): string[] =>
  execFileSync('ps', ['eww', '-eo', 'pid,args'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(home) && !line.includes('ps eww'));

afterAll(async () => {
  // Passing tests leave no processes; failing ones might.
  for (const child of children) child.kill('SIGKILL');
  await killLeftovers(folders(home).run);
  rmSync(home, { recursive: true, force: true });
});

test('the host starts, runs only once, keeps recordings and an active batch run after kill -9, and leaves no process after Ctrl+C [start.options, host.life, model.shown]', {
  timeout: 300_000,
}, async () => {
  const first = await start();
  Object.assign(process.env, clientEnv(first.note));
  const signedIn = async (note: typeof first.note) => recordingClient(note.url, (await signIn(note, note.operator)).access);
  const client = await signedIn(first.note);
  const { id } = await client.createSession();
  const [chunk] = sampleChunks();
  if (chunk === undefined) throw new Error('the sample is too short');
  await client.upload(id, 1, chunk);
  await client.complete(id, 1);
  const before = await client.awaitTranscript(id, 90);

  const second = listen(node('start.ts'));
  expect(await second.exited).toBe(0);
  expect(second.text()).toContain(`Chunkscribe is already running: ${first.note.url}`);
  expect(first.text()).toContain('The model protocol.en transcribes English only. For other languages: npm start -- --model');
  const other = listen(node('start.ts', '--model', 'tiny.en'));
  expect(await other.exited).toBe(1);
  expect(other.text()).toContain('Its model is protocol.en; stop it with Ctrl+C, then start it with --model tiny.en.');

  const elsewhere = listen(node('start.ts', '--port', '18081'));
  expect(await elsewhere.exited).toBe(1);
  expect(elsewhere.text()).toContain('Its port is 18080; stop it with Ctrl+C, then start it with --port 18081.');

  const stored = await client.createSession({ live: false });
  for (let n = 1; n <= BATCH_CHUNKS; n += 1) await client.upload(stored.id, n, uniqueCopy(chunk));
  await client.complete(stored.id, BATCH_CHUNKS);
  const run = BatchRun.parse(await (await client.call('POST', '/api/batch/runs', {})).json());
  const saved = join(home, 'state', 'emulator', 'dynamodb.json');
  const isSaved = (...words: string[]): boolean => {
    const text = existsSync(saved) ? readFileSync(saved, 'utf8') : '';
    return words.every((word) => text.includes(word));
  };
  await poll('the saved transcript, and the run in its middle', 30, async () =>
    isSaved('transcript_status', run.id, '"working"'),
  );
  first.child.kill('SIGKILL');
  await first.exited;
  expect(processes().length).toBeGreaterThan(0);
  await poll('the end of the orphaned emulator', 30, async () => !processes().some((line) => line.includes('launcher.py')));

  const again = await start();
  Object.assign(process.env, clientEnv(again.note));
  const after = await (await signedIn(again.note)).transcript(id);
  expect(after).toEqual(before);

  const later = await signedIn(again.note);
  const ended = await poll(
    'the end of the batch',
    170,
    async () => {
      const found = BatchRunDetails.parse(await (await later.call('GET', `/api/batch/runs/${run.id}`)).json());
      return found.state === 'finished' ? found : undefined;
    },
    500,
  );
  expect(ended.report).toMatchObject({ status: 'success', transcription: { chunksTranscribed: BATCH_CHUNKS, chunksFailed: 0 } });
  const { text } = await later.awaitTranscript(stored.id, 30);
  expect(text).toBe(Array(BATCH_CHUNKS).fill(before.text).join(' '));

  again.child.kill('SIGINT');
  expect(await again.exited).toBe(0);
  expect(processes()).toEqual([]);
});

test('the pages and the API accept only local host names and their own origin; a first visit shows a transcribed session; also with another emulator port [host.loopback, pages.safe]', async () => {
  mkdirSync(join(home, 'state'), { recursive: true });
  writeFileSync(join(home, 'state', 'port'), String(await freePort(0)));
  const { child, note, exited, text } = await start();
  expect(text()).toMatch(new RegExp(`^  open +${note.url}/sign-in#code=[\\w-]{43}$`, 'm'));
  expect(text()).toContain(`${note.operator.email}, password ${note.operator.password}`);
  const status = async (path: string, headers: Record<string, string> = {}) =>
    (await fetch(`${note.url}${path}`, { headers })).status;
  expect(await status('/')).toBe(200);
  expect(await status('/api/health')).toBe(200);
  expect(await status('/api/sessions')).toBe(401);
  expect(await status('/../package.json')).toBe(404);
  expect(await status('/keys.json')).toBe(404);
  expect(await (await fetch(`${note.url}/config.json`)).text()).not.toContain(note.operator.password);
  expect(await status('/api/health', { origin: 'https://evil.example' })).toBe(403);
  expect(await statusByName(note.url, 'evil.example')).toBe(421);
  const policy = (await fetch(`${note.url}/`)).headers.get('content-security-policy');
  expect(policy).toBe(contentSecurityPolicy(note.endpoint, note.endpoint));
  expect(policy).not.toContain('unsafe');

  Object.assign(process.env, clientEnv(note));
  const client = recordingClient(note.url, (await signIn(note, note.operator)).access);
  const { sessions } = SessionList.parse(await (await client.call('GET', '/api/sessions')).json());
  const samples = sessions.filter(({ title }) => title === 'Sample recording');
  expect(samples).toMatchObject([{ state: 'completed', transcriptStatus: 'completed' }]);
  expect((await client.transcript(samples[0]?.id ?? '')).duration_seconds).toBeCloseTo(127.7, 0);
  child.kill('SIGINT');
  expect(await exited).toBe(0);
});

test('of two concurrent starts, one runs and the other reports it [host.life]', async () => {
  const both = [0, 1].map(() => {
    const child = node('start.ts', '--model', PROTOCOL_MODEL, '--port', '18080');
    return { child, ...listen(child) };
  });
  await poll('one ready, one refused', READY_SECONDS, async () => {
    const ready = both.filter(({ text }) => text().includes('Ready after'));
    const refused = both.filter(({ text, child }) => child.exitCode === 0 && text().includes('Chunkscribe is already running'));
    return ready.length === 1 && refused.length === 1;
  });
  for (const { child } of both) child.kill('SIGINT');
  expect(await Promise.all(both.map(({ exited }) => exited))).toEqual([0, 0]);
  expect(processes()).toEqual([]);
});

test.each([['Starting Chunkscribe'], ['2. AWS emulator'], ['3. template']])(
  'Ctrl+C after "%s" ends the start with 130, without a stack trace or a remaining process [start.interrupted]',
  async (line) => {
    rmSync(join(home, 'cdk.out'), { recursive: true, force: true });
    const child = node('start.ts', '--model', PROTOCOL_MODEL, '--port', '18080');
    const { text, exited } = listen(child);
    await poll(line, READY_SECONDS, async () => text().includes(line), 20);
    child.kill('SIGINT');
    expect(await exited).toBe(130);
    expect(text()).toContain('Start interrupted');
    expect(text()).not.toMatch(/Traceback|Error/);
    expect(processes()).toEqual([]);
  },
);

test('an unavailable model ends the start with one line [model.failures]', async () => {
  const refused = listen(node('start.ts', '--model', 'tiny.klingon'));
  expect(await refused.exited).toBe(1);
  expect(refused.text()).toMatch(/^there is no published model tiny\.klingon; try tiny\.en[^\n]*\n$/);
});

test('npm run demo explains how to start the host if none is running [host.life]', async () => {
  const demo = listen(node('demo.ts'));
  expect(await demo.exited).toBe(1);
  expect(demo.text()).toBe('No running host. Start it in another terminal: npm start\n');
});
