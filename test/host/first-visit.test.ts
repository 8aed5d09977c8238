/** `npm start` and `npm run demo` without options: the default model transcribes the sample recording. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SessionList } from '../../core/contracts/answers.ts';
import { DEFAULT_MODEL } from '../../core/contracts/models.ts';
import { clientEnv, freePort } from '../../host/emulator.ts';
import { type HostNote, noteOf } from '../../host/host-note.ts';
import { knownRecording, SAMPLE } from '../../host/known-recording.ts';
import { PROJECT } from '../../host/paths.ts';
import { poll } from '../../host/poll.ts';
import { recordingClient } from '../../host/recording-client.ts';
import { signIn } from '../../host/users.ts';
import { wordErrorRate, wordsOf } from '../../host/word-error-rate.ts';

const home = mkdtempSync(join(tmpdir(), 'chunkscribe-first-'));
/** Includes the download of the model if necessary. */
const READY_SECONDS = 170;
/** Benchmarks are below 1 %; a missing sentence would be 3 %. */
const MAX_WORD_ERROR_RATE = 0.02;

function run(script: string, ...args: string[]): { child: ChildProcess; text: () => string; exited: Promise<number | null> } {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join('host', script), ...args], {
    cwd: PROJECT,
    env: { ...process.env, CHUNKSCRIBE_HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => {
      text += data.toString();
    });
  }
  return { child, text: () => text, exited: new Promise((resolve) => child.once('exit', resolve)) };
}

let host: ReturnType<typeof run>;
let note: HostNote;
beforeAll(async () => {
  host = run('start.ts', '--port', String(await freePort(18_280)));
  await poll('ready', READY_SECONDS, async () => {
    if (host.child.exitCode !== null) throw new Error(host.text());
    return host.text().includes('Ready after');
  });
  const written = noteOf(home);
  if (written === undefined) throw new Error('the host left no note');
  note = written;
  Object.assign(process.env, clientEnv(note));
});
afterAll(async () => {
  host.child.kill('SIGINT');
  await host.exited;
  rmSync(home, { recursive: true, force: true });
});

test('a first visit shows the sample, transcribed with the default model [host.sample]', async () => {
  const client = recordingClient(note.url, (await signIn(note, note.operator)).access);
  const { sessions } = SessionList.parse(await (await client.call('GET', '/api/sessions')).json());
  expect(sessions).toMatchObject([{ title: 'Sample recording', state: 'completed' }]);
  const transcript = await client.awaitTranscript(sessions[0]?.id ?? '', 60);
  expect(transcript).toMatchObject({ status: 'completed', model: DEFAULT_MODEL });
  const known = knownRecording(SAMPLE);
  expect(wordErrorRate(wordsOf(known?.text ?? ''), wordsOf(transcript.text)), transcript.text).toBeLessThan(MAX_WORD_ERROR_RATE);
});

test("npm run demo prints the sample's turns by speaker and the word error rate of the model [host.sample]", async () => {
  const demo = run('demo.ts');
  expect(await demo.exited, demo.text()).toBe(0);
  expect(demo.text()).toMatch(/^Sarah: Good morning,? everyone\./im);
  expect(demo.text()).toMatch(/^Robert: /m);
  expect(demo.text()).toMatch(/^Alan: /m);
  const [, percent] = new RegExp(`^word error rate of ${DEFAULT_MODEL}: ([\\d.]+) %`, 'm').exec(demo.text()) ?? [];
  expect(Number(percent), demo.text()).toBeLessThan(100 * MAX_WORD_ERROR_RATE);
});
