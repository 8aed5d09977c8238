/**
 * A home written by commit 0bab585, the end of the first plan: its recording, file job and corrections open and can be changed.
 *
 * test/fixtures/homes/0bab585.tar.gz is the `state` folder after `npm start`, `npm run demo`, `chunkscribe transcribe` and a saved
 * rule. Left out, because it is large: code of functions and layers, built pages, the sample session's and the file's audio.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { JobList, SessionList } from '../../core/contracts/answers.ts';
import { clientEnv } from '../../host/emulator.ts';
import { type LocalHost, startLocalHost } from '../../host/local-host.ts';
import { PROJECT } from '../../host/paths.ts';
import { poll } from '../../host/poll.ts';
import { type RecordingClient, recordingClient } from '../../host/recording-client.ts';
import { signIn } from '../../host/users.ts';
import { PROTOCOL_MODEL } from '../support/protocol-model.ts';
import { sampleChunks } from './support.ts';

const RECORDING = 'session_01M8MMMYH9D22PYQXY5GWEE208';
const JOB = 'job_01M8MMNQ71DCS05429E540YCE3';
const ROOT = mkdtempSync(join(PROJECT, '.local', 'older-home-'));
let host: LocalHost;
let client: RecordingClient;
const before = { ...process.env };
beforeAll(async () => {
  execFileSync('tar', ['-xzf', join(PROJECT, 'test', 'fixtures', 'homes', '0bab585.tar.gz'), '-C', ROOT]);
  host = await startLocalHost({
    root: ROOT,
    model: PROTOCOL_MODEL,
    idleSeconds: 3,
    onStep: () => undefined,
    log: () => undefined,
  });
  Object.assign(process.env, clientEnv(host));
  const pool = { endpoint: host.endpoint, userPoolId: host.output('UserPoolId'), clientId: host.output('UserPoolClientId') };
  client = recordingClient(host.apiUrl, (await signIn(pool, host.demo, 'admin')).access);
});
afterAll(async () => {
  process.env = before;
  await host.stop();
  rmSync(ROOT, { recursive: true, force: true });
});

test('its recordings and file jobs are listed, and their texts are read [start.older-home]', async () => {
  const { sessions } = SessionList.parse(await (await client.call('GET', '/api/sessions')).json());
  expect(sessions.map(({ id, title, state }) => [id, title, state])).toContainEqual([RECORDING, 'Demo recording', 'completed']);
  const { jobs } = JobList.parse(await (await client.call('GET', '/api/transcriptions')).json());
  expect(jobs.map(({ id, filename, status }) => [id, filename, status])).toEqual([[JOB, 'sample.webm', 'completed']]);
  const recording = await client.transcriptAs(RECORDING, 'txt');
  const file = await (await client.call('GET', `/api/transcriptions/${JOB}/transcript?format=txt`)).text();
  for (const text of [recording, file]) expect(text).toMatch(/will hello stop wednesday no note/);
});

test('its rule, saved just before the stop, is applied; then it is changed [start.older-home]', async () => {
  const includes = (words: string): Promise<true> =>
    poll(words, 90, async () => (await client.transcriptAs(RECORDING, 'txt')).includes(words) || undefined);
  await includes('fifty Julia');
  const rule = { kind: 'word', match: 'juliet', replace: 'Romeo' };
  await client.call('PUT', '/api/corrections', { rules: [rule] });
  await poll(
    'the corrected text',
    60,
    async () => (await client.transcriptAs(RECORDING, 'txt')).includes('fifty Romeo') || undefined,
  );
});

test('its recording is transcribed again, and a new recording is transcribed [start.older-home]', async () => {
  await client.call('POST', `/api/sessions/${RECORDING}/retranscribe`, {});
  const { id } = await client.createSession();
  const [chunk] = sampleChunks();
  if (chunk === undefined) throw new Error('the sample has no chunk');
  await client.upload(id, 1, chunk);
  await client.complete(id, 1);
  expect((await client.awaitTranscript(id, 120)).text).toContain('fifty');
  const again = await poll('the retranscription', 120, async () => {
    const session = await client.session(RECORDING);
    return session.transcriptStatus === 'completed' && session.chunks.every(({ state }) => state === 'done')
      ? session
      : undefined;
  });
  expect(again.holes).toEqual([]);
});
