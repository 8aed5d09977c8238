/** `npm start` as a person meets it: ready, Ctrl+C, kill -9, started again. In a folder of its own, with its own ports. */
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
import { DEMO_MODEL, folders, PROJECT } from '../../host/paths.ts';
import { poll } from '../../host/poll.ts';
import { endLeftovers } from '../../host/processes.ts';
import { recordingClient, unlikeOthers } from '../../host/recording-client.ts';
import { DEMO_USER, signIn } from '../../host/users.ts';
import { sampleChunks } from './support.ts';

/** Anywhere but in the project. */
const home = mkdtempSync(join(tmpdir(), 'chunkscribe-life-'));
const READY_SECONDS = 120;
/** More than the worker does until the host is killed. */
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

/** Everything that a process says, as it says it. */
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
  const child = node('start.ts', '--model', DEMO_MODEL, '--port', '18080', '--idle-seconds', '3');
  const output = listen(child);
  await poll('ready', READY_SECONDS, async () => {
    if (child.exitCode !== null) throw new Error(output.text());
    return output.text().includes('Ready after');
  });
  const note = noteOf(home);
  if (note === undefined) throw new Error('the host left no note');
  return { child, note, ...output };
}

/** Asks this address under another name, as a page of that name could after it had its name point here. */
const statusByName = (url: string, name: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    get(url, { headers: { host: `${name}:${new URL(url).port}` } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    }).on('error', reject);
  });

/** Processes of this folder: each has it in its command line or in its environment. */
const processes = (): string[] =>
  execFileSync('ps', ['eww', '-eo', 'pid,args'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(home) && !line.includes('ps eww'));

afterAll(async () => {
  // Nothing is left after tests that pass; after one that fails it would be.
  for (const child of children) child.kill('SIGKILL');
  await endLeftovers(folders(home).run);
  rmSync(home, { recursive: true, force: true });
});

test('it gets ready, is there once, survives kill -9 with what was recorded and the batch that was under way, and leaves nothing behind after Ctrl+C', {
  timeout: 300_000,
}, async () => {
  const first = await start();
  Object.assign(process.env, clientEnv(first.note.endpoint));
  const signedIn = async (note: typeof first.note) => recordingClient(note.url, (await signIn(note, DEMO_USER)).access);
  const client = await signedIn(first.note);
  const { id } = await client.createSession();
  const [chunk] = sampleChunks();
  if (chunk === undefined) throw new Error('the sample is too short');
  await client.upload(id, 1, chunk);
  await client.complete(id, 1);
  const before = await client.awaitTranscript(id, 90);

  const second = listen(node('start.ts'));
  expect(await second.exited).toBe(0);
  expect(second.text()).toContain(`Chunkscribe runs already: ${first.note.url}`);

  const stored = await client.createSession({ live: false });
  for (let n = 1; n <= BATCH_CHUNKS; n += 1) await client.upload(stored.id, n, unlikeOthers(chunk));
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

  const again = await start();
  expect(again.text()).toContain('ended what the last start left behind: emulator');
  Object.assign(process.env, clientEnv(again.note.endpoint));
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

test('the pages and their API are for this machine and its own pages only; a first visit shows a transcribed session; also on another port', async () => {
  mkdirSync(join(home, 'state'), { recursive: true });
  writeFileSync(join(home, 'state', 'port'), String(await freePort(0)));
  const { child, note, exited } = await start();
  const status = async (path: string, headers: Record<string, string> = {}) =>
    (await fetch(`${note.url}${path}`, { headers })).status;
  expect(await status('/')).toBe(200);
  expect(await status('/api/health')).toBe(200);
  expect(await status('/api/sessions')).toBe(401);
  expect(await status('/../package.json')).toBe(404);
  expect(await status('/api/health', { origin: 'https://evil.example' })).toBe(403);
  expect(await statusByName(note.url, 'evil.example')).toBe(421);
  const policy = (await fetch(`${note.url}/`)).headers.get('content-security-policy');
  expect(policy).toBe(contentSecurityPolicy(note.endpoint, note.endpoint));
  expect(policy).not.toContain('unsafe');

  Object.assign(process.env, clientEnv(note.endpoint));
  const client = recordingClient(note.url, (await signIn(note, DEMO_USER)).access);
  const { sessions } = SessionList.parse(await (await client.call('GET', '/api/sessions')).json());
  const samples = sessions.filter(({ title }) => title === 'Sample recording');
  expect(samples).toMatchObject([{ state: 'completed', transcriptStatus: 'completed' }]);
  expect((await client.transcript(samples[0]?.id ?? '')).text).toContain('hello everyone and welcome');
  child.kill('SIGINT');
  expect(await exited).toBe(0);
});

test('of two that start at once, one runs and the other says so', async () => {
  const both = [0, 1].map(() => {
    const child = node('start.ts', '--model', DEMO_MODEL, '--port', '18080');
    return { child, ...listen(child) };
  });
  await poll('one ready, one refused', READY_SECONDS, async () => {
    const ready = both.filter(({ text }) => text().includes('Ready after'));
    const refused = both.filter(({ text, child }) => child.exitCode === 0 && text().includes('Chunkscribe runs already'));
    return ready.length === 1 && refused.length === 1;
  });
  for (const { child } of both) child.kill('SIGINT');
  expect(await Promise.all(both.map(({ exited }) => exited))).toEqual([0, 0]);
  expect(processes()).toEqual([]);
});

test('a model that cannot be had ends the start with one line', async () => {
  const refused = listen(node('start.ts', '--model', 'tiny.klingon'));
  expect(await refused.exited).toBe(1);
  expect(refused.text()).toContain('there is no published model tiny.klingon; try tiny.en');
  expect(refused.text()).not.toMatch(/\n\s+at /);
});

test('npm run demo says how to start the host when none runs', async () => {
  const demo = listen(node('demo.ts'));
  expect(await demo.exited).toBe(1);
  expect(demo.text()).toBe('No running host. Start it in another terminal: npm start\n');
});
