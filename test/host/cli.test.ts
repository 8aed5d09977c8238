/** `npx chunkscribe` against the running host, as operators and scripts use it. */
import { spawn } from 'node:child_process';
import { appendFileSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AdminCreateUserCommand, CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import { afterAll, expect, test } from 'vitest';
import * as z from 'zod';
import { clientEnv } from '../../host/emulator.ts';
import { PROJECT } from '../../host/paths.ts';
import { poll } from '../../host/poll.ts';
import { recordingClient } from '../../host/recording-client.ts';
import { sampleFile } from './file-client.ts';
import { checkInvariants, REPLACED } from './invariants.ts';
import { atRest, bytes, host, invoke, output, sampleChunks, uniqueCopy, userA } from './support.ts';

afterAll(async () => {
  await atRest();
  await checkInvariants();
});

interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Starts the command; `said` is its output so far. */
function start(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const stage = { CHUNKSCRIBE_API: host.apiUrl, CHUNKSCRIBE_TOKEN: host.tokens.admin, CHUNKSCRIBE_BUCKET: output('BucketName') };
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join('cli', 'main.ts'), ...args], {
    cwd: PROJECT,
    env: { ...process.env, ...clientEnv(host), ...stage, ...env },
  });
  const said = { out: '', err: '' };
  child.stdout.on('data', (data: Buffer) => {
    said.out += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => {
    said.err += data.toString();
  });
  const end = new Promise<Said>((resolve) => child.once('close', (code) => resolve({ code, ...said })));
  return { process: child, said, end };
}
const chunkscribe = (args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Said> => start(args, env).end;
const json = async (...args: string[]): Promise<unknown> => JSON.parse((await chunkscribe(['--json', ...args])).out);

test('the command line shows sessions, machines, runs and costs, and runs the self-test of the batch [operation.cli]', async () => {
  const [chunk] = sampleChunks(10);
  if (chunk === undefined) throw new Error('the sample is too short');
  const { id } = await userA.createSession({ title: 'By hand' });
  await userA.upload(id, 1, chunk);
  await userA.upload(id, 2, bytes('no audio at all'));
  await userA.complete(id, 2);
  await userA.awaitTranscript(id, 170);
  const asA = { CHUNKSCRIBE_TOKEN: host.tokens.a };
  expect((await chunkscribe(['session', 'list'], asA)).out).toMatch(new RegExp(`${id} .*completed.*partial +By hand`));
  expect((await chunkscribe(['session', 'show', id])).out).toMatch(/2 +dead .*unsupported-media/);
  expect((await chunkscribe(['session', 'transcript', id])).out.trim()).not.toBe('');
  expect((await chunkscribe(['session', 'retry', id, '1'])).err).toContain('already transcribed');
  await atRest();

  appendFileSync(REPLACED, `${id}#1\n`);
  const tested = chunkscribe(['--json', 'self-test']);
  const ticking = new AbortController();
  const ticks = (async () => {
    while (!ticking.signal.aborted) await invoke('BatchRunnerName');
  })();
  const { code, out, err } = await tested;
  ticking.abort();
  await ticks;
  expect([code, err]).toEqual([0, '']);
  const result = z.object({ passed: z.boolean(), run: z.string(), key: z.string() }).parse(JSON.parse(out));
  expect(result).toMatchObject({ passed: true, key: expect.stringContaining(`${id}/transcription-chunk-001.json`) });

  expect((await chunkscribe(['batch', 'status'])).out).toMatch(
    new RegExp(`is active[^]*${result.run} +manual +finished +success`),
  );
  expect((await chunkscribe(['batch', 'reports', result.run])).out).toMatch(/transcribed +1\n/);
  expect(await json('batch', 'reports')).toMatchObject({
    reports: expect.arrayContaining([expect.objectContaining({ name: result.run })]),
  });
  expect((await chunkscribe(['batch', 'costs'])).out).toMatch(/\d{4}-\d\d-\d\d +[\d.]+ +[\d.]+/);
  expect((await chunkscribe(['gpu', 'status'])).out).toMatch(/i-\w+ +stopped/);
  expect((await chunkscribe(['gpu', 'stop'])).out).toContain('no machine was stopped');
  expect(await json('batch', 'schedule', 'pause')).toEqual({ enabled: false });
  expect((await chunkscribe(['batch', 'status'])).out).toContain('PAUSED');
  expect(await json('batch', 'schedule', 'resume')).toEqual({ enabled: true });
  await userA.call('POST', '/api/batch/lock', { sessionId: 'session_by-hand' });
  expect((await chunkscribe(['lock', 'status'])).out).toContain('session_by-hand');
  const refused = await chunkscribe(['batch', 'run']);
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('a recording holds the lock')]);
  expect((await chunkscribe(['lock', 'release', 'session_by-hand'])).code).toBe(0);
});

test('the doctor passes on a healthy host, and fails for an unknown stage [deployment.doctor]', async () => {
  const home = join(host.temporary, 'doctor');
  mkdirSync(join(home, 'run'), { recursive: true });
  const note = {
    ...{ url: host.apiUrl, endpoint: host.endpoint, clientId: '-', bucketName: '-', logs: '-' },
    operator: { email: '-', password: '-' },
    credentials: host.credentials,
  };
  writeFileSync(join(home, 'run', 'host.json'), JSON.stringify(note));
  const local = { CHUNKSCRIBE_HOME: home, CHUNKSCRIBE_API: undefined };
  const { out, code } = await chunkscribe(['doctor'], local);
  expect(out).toContain('all checks passed');
  for (const line of ['api', 'tables', 'wiring', 'machines', 'version', 'model'])
    expect(out).toMatch(new RegExp(`^ok +${line}`, 'm'));
  expect(code).toBe(0);
  const other = await chunkscribe(['--json', 'doctor', '--stage', 'nobody']);
  expect(other.code).toBe(1);
  expect(JSON.parse(other.out)).toMatchObject({
    well: false,
    lines: expect.arrayContaining([expect.objectContaining({ name: 'stack', state: 'bad', todo: expect.any(String) })]),
  });
});

test('sessions and jobs of an older system are imported with their texts; the batch transcribes chunks without text; a repeated import adds nothing [deployment.import]', async () => {
  const folder = join(host.temporary, 'older');
  const id = `session_OLD_${Date.now()}`;
  const inside = join(folder, 'users', 'somebody', '2024', id);
  mkdirSync(inside, { recursive: true });
  const [chunk] = sampleChunks(10);
  if (chunk === undefined) throw new Error('the sample is too short');
  writeFileSync(join(inside, 'chunk-001.webm'), uniqueCopy(chunk).bytes);
  writeFileSync(join(inside, 'chunk-2.webm'), uniqueCopy(chunk).bytes);
  const old = {
    text: 'what was said long ago',
    duration_seconds: 10,
    segments: [{ start: 0, end: 9, text: 'what was said long ago' }],
  };
  writeFileSync(join(inside, 'transcription-chunk-001.json'), JSON.stringify(old));
  const jobs = [
    { job_id: 'old 1', status: 'completed', filename: 'minutes.wav', transcript: 'the minutes', created_at: 1_700_000_000 },
    { job_id: 'old 2', status: 'processing', filename: 'stuck.wav' },
  ];
  writeFileSync(join(folder, 'jobs.json'), JSON.stringify(jobs));
  writeFileSync(join(folder, 'job-broken.json'), '{');
  const { sub } = z.object({ sub: z.string() }).parse(JSON.parse(atob(host.tokens.a.split('.')[1] ?? '')));
  const take = (...more: string[]) => chunkscribe(['--json', 'import', folder, '--user', sub, '--stage', 'local', ...more]);
  expect(JSON.parse((await take('--dry-run')).out)).toMatchObject({
    sessions: 1,
    chunks: 2,
    chunksWithText: 1,
    jobs: 2,
    jobsWithText: 1,
  });
  const first = await take();
  expect(first.code).toBe(2); // one file could not be read
  expect(JSON.parse(first.out).written).toEqual({ texts: 1, pending: 1, jobs: 2, known: 0 });
  expect(JSON.parse((await take()).out).written).toEqual({ texts: 0, pending: 0, jobs: 0, known: 4 });
  const asA = { CHUNKSCRIBE_TOKEN: host.tokens.a };
  const listed = (await chunkscribe(['file', 'list'], asA)).out;
  expect(listed).toMatch(/completed.*minutes\.wav/);
  expect(listed).toMatch(/failed.*stuck\.wav/);
  expect((await chunkscribe(['batch', 'run'])).code).toBe(0);
  const transcript = await userA.awaitTranscript(id, 60);
  expect(transcript).toMatchObject({ status: 'completed', gaps: [] });
  expect(transcript.text).toMatch(/^what was said long ago .+/);
  const foreign = await chunkscribe(['import', folder, '--user', 'somebody-else', '--stage', 'local']);
  expect(foreign.err).toContain('belongs to another user');
});

test('a token is issued for a password; a wrong or temporary password is reported [operation.cli]', async () => {
  const signed = { CHUNKSCRIBE_TOKEN: undefined, CHUNKSCRIBE_CLIENT_ID: output('UserPoolClientId') };
  const as = (email: string, password: string) =>
    chunkscribe(['token'], { ...signed, CHUNKSCRIBE_EMAIL: email, CHUNKSCRIBE_PASSWORD: password });
  const { code, out } = await as('a@example.com', host.password);
  expect(code).toBe(0);
  expect((await recordingClient(host.apiUrl, out.trim()).createSession()).state).toBe('recording');

  const Username = 'invited@example.com';
  await new CognitoIdentityProviderClient().send(
    new AdminCreateUserCommand({ UserPoolId: output('UserPoolId'), Username, TemporaryPassword: host.password }),
  );
  expect(await as(Username, host.password)).toMatchObject({ code: 1, err: expect.stringContaining('sign in on the page once') });
  expect(await as('a@example.com', `${host.password}2`)).toMatchObject({
    code: 1,
    err: expect.stringContaining('cannot sign in: '),
  });
});

test('the command line reports an error in one line and by its exit status', async () => {
  const cases: readonly [readonly string[], Readonly<Record<string, string>>, number, RegExp][] = [
    [['batch', 'nonsense'], {}, 64, /unknown command/],
    [['session', 'show'], {}, 64, /missing required argument/],
    [['session', 'show', 'session_none'], {}, 1, /^there is no such session$/m],
    [['gpu', 'status'], { CHUNKSCRIBE_TOKEN: host.tokens.a }, 1, /sign in as an admin/],
    [['gpu', 'status'], { CHUNKSCRIBE_API: 'http://127.0.0.1:1' }, 1, /^cannot reach http:\/\/127\.0\.0\.1:1/],
    [['gpu', 'status'], { CHUNKSCRIBE_API: host.endpoint }, 1, /is not the API of a stage/],
    [['gpu', 'logs'], {}, 1, /CHUNKSCRIBE_WORKER_LOGS/],
    [['--help'], {}, 0, /^$/],
  ];
  for (const [args, env, code, says] of cases) {
    const said = await chunkscribe(args, env);
    expect([said.code, said.err], args.join(' ')).toEqual([code, expect.stringMatching(says)]);
    expect(said.err).not.toMatch(/^\s+at /m);
  }
});

test('files are transcribed from the command line, and an interrupted upload is continued [files.cli, files.content-decides]', async () => {
  const asB = { CHUNKSCRIBE_TOKEN: host.tokens.b };
  const [small, large] = [sampleFile(20, 'mp3'), sampleFile(700, 'wav')];
  const plain = await chunkscribe(['transcribe', small, '--format', 'srt'], asB);
  expect([plain.code, plain.out.trim()]).toEqual([0, small.replace('.mp3', '.srt')]);
  expect(readFileSync(small.replace('.mp3', '.srt'), 'utf8')).toMatch(/^1\n00:00:0\d,\d{3} --> /);
  expect(await chunkscribe(['transcribe', small, '--format', 'srt'], asB)).toMatchObject({
    code: 1,
    err: expect.stringContaining('--force overwrites it'),
  });

  // An interrupted upload.
  const child = start(['transcribe', large], asB);
  await poll('the first part', 60, async () => /uploading/.test(child.said.err));
  child.process.kill('SIGINT');
  expect(await child.end).toMatchObject({ code: 130, err: expect.stringContaining('run the same command again to continue') });
  const again = await chunkscribe(['--json', 'transcribe', large], asB);
  expect(again.code).toBe(0);
  const [done] = z.array(z.object({ id: z.string(), status: z.string(), text: z.string() })).parse(JSON.parse(again.out));
  expect(readFileSync(done?.text ?? '', 'utf8').split('\n\n').length).toBeGreaterThan(1);
  expect((await chunkscribe(['file', 'list'], asB)).out).toMatch(new RegExp(`${done?.id} .*completed +100 +Complete`));
  expect((await chunkscribe(['file', 'list'], asB)).out.match(/job_/g)).toHaveLength(2);
  expect((await chunkscribe(['file', 'show', done?.id ?? ''], asB)).out).toMatch(/audio +11[.]7 min/);

  const broken = join(host.temporary, 'broken.mp3');
  writeFileSync(broken, 'no audio');
  expect(await chunkscribe(['transcribe', broken], asB)).toMatchObject({
    code: 2,
    err: expect.stringContaining('unsupported-media'),
  });
  for (const [args, message] of [
    [['transcribe', 'nowhere.mp3'], 'nowhere.mp3: the file does not exist'],
    [['transcribe', small, '--force', '--language', 'de'], 'English only'],
    [['session', 'transcript', 'session_none'], 'there is no such session'],
  ] as const)
    expect(await chunkscribe(args, asB)).toMatchObject({ code: 1, err: expect.stringContaining(message) });
  // The format is detected from the content, not from the name.
  const unnamed = join(host.temporary, 'talk.of.monday');
  copyFileSync(small, unnamed);
  expect(await chunkscribe(['transcribe', unnamed, 'README.md', '--stdout'], asB)).toMatchObject({
    code: 2,
    out: expect.stringMatching(/\w+ \w+/),
    err: expect.stringContaining('README.md: unsupported-media'),
  });
});
