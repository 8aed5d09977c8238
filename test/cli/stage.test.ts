/** Output of the command line for refusals, invalid addresses, and several files of which some are invalid. */
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { connection } from '../../cli/connection.ts';
import { progress } from '../../cli/output.ts';
import { buildProgram, exitOf } from '../../cli/program.ts';

const said = { out: '', err: '' };
const say = (stream: 'out' | 'err', text: unknown): boolean => {
  said[stream] += text;
  return true;
};
const closings: (() => void)[] = [];
beforeEach(() => {
  Object.assign(said, { out: '', err: '' });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => say('err', text));
  vi.spyOn(console, 'error').mockImplementation((text) => void say('err', `${text}\n`));
  vi.spyOn(console, 'log').mockImplementation((text) => void say('out', `${text}\n`));
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  vi.useRealTimers();
  process.exitCode = undefined;
  for (const close of closings.splice(0)) close();
});

type Answer = (request: IncomingMessage, body: string) => { status?: number; body?: unknown } | undefined;
/** Starts a server with these responses and sets the environment to it. Health is that of a stage unless `answer` returns it. */
async function serve(answer: Answer, token: string | undefined = 'token'): Promise<string> {
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    request.on('data', (data) => (body += data));
    request.on('end', () => {
      const isHealth = request.url === '/api/health';
      const { status = 200, body: content } = answer(request, body) ?? (isHealth ? { body: { status: 'ok' } } : { status: 404 });
      response.writeHead(status, { 'content-type': 'application/json' });
      const isSent = typeof content === 'string' || content instanceof Uint8Array;
      response.end(isSent ? content : JSON.stringify(content ?? {}));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closings.push(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  vi.stubEnv('CHUNKSCRIBE_API', url);
  vi.stubEnv('CHUNKSCRIBE_TOKEN', token);
  return url;
}

async function chunkscribe(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  try {
    await buildProgram(connection()).parseAsync(args, { from: 'user' });
    return { code: Number(process.exitCode ?? 0), ...said };
  } catch (error) {
    const { code, line } = exitOf(error);
    return { code, out: said.out, err: said.err + (line ?? '') };
  }
}

test('validation errors of the API are listed by field [operation.usage]', async () => {
  const issues = [
    { path: 'limit', message: 'must be 1 to 100' },
    { path: '', message: 'start and end must be given together' },
  ];
  const detail = 'the request does not match the schema of this call';
  await serve(({ url }) =>
    url?.startsWith('/api/sessions') ? { status: 422, body: { code: 'invalid', detail, issues } } : undefined,
  );
  expect(await chunkscribe('session', 'list')).toMatchObject({
    code: 1,
    err: 'limit: must be 1 to 100; request: start and end must be given together',
  });
});

test.each([
  ['nothing listens', 'http://127.0.0.1:1', /^cannot reach http:\/\/127\.0\.0\.1:1: /],
  ['an unknown host', 'http://stage.invalid', /^cannot reach http:\/\/stage\.invalid: /],
  ['not an address', 'stage.example.com', /^CHUNKSCRIBE_API must be an address such as .*, not stage\.example\.com$/],
])('%s: reported in one line, with or without a token [operation.usage]', async (_what, address, line) => {
  for (const token of ['token', undefined]) {
    vi.stubEnv('CHUNKSCRIBE_API', address);
    vi.stubEnv('CHUNKSCRIBE_TOKEN', token);
    vi.stubEnv('CHUNKSCRIBE_EMAIL', undefined);
    expect(await chunkscribe('file', 'list')).toMatchObject({ code: 1, err: expect.stringMatching(line) });
  }
});

test.each([
  ['a page for every address', { status: 200, body: '<!doctype html>' }],
  ['nothing below this path', { status: 404, body: 'not found' }],
  ['a sign-in of its own', { status: 401, body: { message: 'Unauthorized' } }],
  ['JSON of another kind', { status: 200, body: [] }],
])('a server that returns %s is not a stage [operation.usage]', async (_what, answer) => {
  for (const token of ['token', undefined]) {
    const url = await serve(() => answer, token);
    vi.stubEnv('CHUNKSCRIBE_EMAIL', undefined);
    expect(await chunkscribe('file', 'list')).toMatchObject({
      code: 1,
      err: `${url} is not the API of a stage; use the stack's output ApiUrl`,
    });
  }
});

const job = (id: string, more: object = {}) => ({
  ...{ id, userId: 'u', filename: 'x', status: 'completed', progress: 100, stage: 'Complete', error: null },
  ...{
    model: 'tiny.en',
    priority: 'normal',
    createdAt: '2026-03-01T10:00:00Z',
    startedAt: null,
    completedAt: null,
    sizeBytes: 1,
  },
  ...more,
});
/** Declared content type of each file. */
const types: Record<string, string> = {};
/** A stage that completes each file at once, and refuses files whose names begin with `refused`. */
const stageOfFiles: Answer = ({ url = '', method }, body) => {
  const id = /\/(job_\w+)/.exec(url)?.[1];
  if (id !== undefined && url.includes('transcript?')) return { body: id.endsWith('SILENCE') ? '' : 'the text\n' };
  if (id !== undefined) return { body: job(id, { content: id.endsWith('SILENCE') ? '' : 'the text' }) };
  if (method !== 'POST') return undefined;
  const { filename, contentType } = JSON.parse(body) as { filename: string; contentType: string };
  if (filename.startsWith('refused')) return { status: 413, body: { code: 'too-large', detail: 'a file may have 5 GiB' } };
  const name = `job_${filename.split('.')[0]?.toUpperCase()}`;
  const upload = { kind: 'single', method: 'PUT', url: 'http://x', headers: {}, expiresAt: '2026-03-01T11:00:00Z' };
  types[filename] = contentType;
  return { status: 201, body: { id: name, status: 'completed', upload } };
};
const folderOf = (...names: string[]): string => {
  const folder = mkdtempSync(join(tmpdir(), 'chunkscribe-files-'));
  for (const name of names) writeFileSync(join(folder, name), name.startsWith('empty') ? '' : 'audio');
  return folder;
};

test('of several files the valid ones are transcribed, each invalid one is reported with its reason, and the exit status is 1 [files.one-by-one]', async () => {
  await serve(stageOfFiles);
  const folder = folderOf(
    'good.mp3',
    'refused.wav',
    'empty.mp3',
    'there.mp3',
    'there.txt',
    'good.wav',
    'last.oga',
    'silence.wma',
  );
  const files = [
    'good.mp3',
    'nowhere.mp3',
    'refused.wav',
    'empty.mp3',
    'there.mp3',
    'good.wav',
    'good.mp3',
    'last.oga',
    'silence.wma',
  ];
  const { code, out, err } = await chunkscribe('transcribe', ...files.map((file) => join(folder, file)), folder);
  expect(code).toBe(1);
  expect(out.trim().split('\n')).toEqual(['good.txt', 'last.txt', 'silence.txt'].map((file) => join(folder, file)));
  expect(readFileSync(join(folder, 'last.txt'), 'utf8')).toBe('the text\n');
  for (const [file, reason] of [
    ['nowhere.mp3', 'the file does not exist'],
    ['refused.wav', 'a file may have 5 GiB'],
    ['empty.mp3', 'the file is empty'],
    ['there.mp3', `${join(folder, 'there.txt')} already exists; --force overwrites it`],
    ['good.wav', `its text and the text of ${join(folder, 'good.mp3')} would both be written to ${join(folder, 'good.txt')}`],
    ['', 'not a regular file'],
  ] as const)
    expect(err).toContain(`${join(folder, file)}: ${reason}\n`);
  expect(err).toContain('silence.wma: no speech detected\n');
  expect(types).toEqual({ 'good.mp3': 'audio/mpeg', 'last.oga': 'audio/ogg', 'silence.wma': 'audio/x-ms-wma' });
});

test('numbers of speakers and names of speakers of a file reach the stage [speakers.number, speakers.names]', async () => {
  const sent: unknown[] = [];
  await serve((request, body) => {
    if (request.url === '/api/transcriptions') sent.push(JSON.parse(body));
    if (request.method !== 'PUT') return stageOfFiles(request, body);
    sent.push([request.url, JSON.parse(body)]);
    return { body: { version: 1 } };
  });
  const file = join(folderOf('talk.mp3'), 'talk.mp3');
  const numbers = ['--diarize', '--min-speakers', '2', '--max-speakers', '3'];
  expect(await chunkscribe('transcribe', '--no-follow', ...numbers, file)).toMatchObject({ code: 0 });
  expect(await chunkscribe('file', 'speaker', 'job_TALK', 'S2', 'Ana')).toMatchObject({ code: 0 });
  expect(said.out).toContain('S2 is Ana');
  expect(sent).toEqual([
    expect.objectContaining({ diarize: true, minSpeakers: 2, maxSpeakers: 3 }),
    ['/api/transcriptions/job_TALK/speakers', { speaker: 'S2', name: 'Ana' }],
  ]);
});

const BYTES = Uint8Array.of(0x50, 0x4b, 0xff, 0x00, 0x0a);

test('a Word document is written byte by byte, and never printed on a terminal [transcript.formats]', async () => {
  const queries: string[] = [];
  await serve((request, body) => {
    if (!request.url?.includes('transcript?')) return stageOfFiles(request, body);
    queries.push(request.url.replace(/.*[?]/, ''));
    return { body: BYTES };
  });
  const folder = folderOf('good.mp3');
  expect(await chunkscribe('transcribe', '--format', 'docx', join(folder, 'good.mp3'))).toMatchObject({ code: 0 });
  expect([...readFileSync(join(folder, 'good.docx'))]).toEqual([...BYTES]);
  const [session, target] = ['session_a', join(folder, 'session.docx')];
  expect(await chunkscribe('session', 'transcript', session, '-f', 'docx', '-o', target)).toMatchObject({ code: 0 });
  expect([...readFileSync(target)]).toEqual([...BYTES]);
  expect(await chunkscribe('session', 'transcript', session, '-f', 'docx', '-o', target)).toMatchObject({
    ...{ code: 1, err: expect.stringContaining(`${target} already exists`) },
  });
  expect(queries).toEqual(['format=docx&marks=true', 'format=docx&marks=true']);
  const { isTTY } = process.stdout;
  process.stdout.isTTY = true;
  const printed = [
    await chunkscribe('session', 'transcript', session, '-f', 'docx'),
    await chunkscribe('transcribe', '--stdout', '-f', 'docx', join(folder, 'good.mp3')),
  ];
  process.stdout.isTTY = isTTY;
  for (const { code, err } of printed) expect([code, err]).toEqual([64, expect.stringContaining('docx is not text; ')]);
});

test('times of words are requested by --words and --no-words; a format without them is refused before any call', async () => {
  const queries: string[] = [];
  await serve(({ url = '' }) => {
    queries.push(url.replace(/.*[?]/, ''));
    return { body: 'WEBVTT' };
  });
  const target = join(folderOf(), 'text');
  await chunkscribe('session', 'transcript', 'session_a', '-f', 'vtt', '--words', '-o', `${target}.vtt`);
  await chunkscribe('file', 'transcript', 'job_a', '-f', 'json', '--no-words', '--no-marks', '-o', `${target}.json`);
  expect(queries).toEqual(['format=vtt&marks=true&words=true', 'format=json&marks=false&words=false']);
  for (const args of [
    ['session', 'transcript', 'session_a'],
    ['transcribe', 'talk.mp3'],
  ])
    expect(await chunkscribe(...args, '--format', 'srt', '--words')).toMatchObject({
      code: 64,
      err: expect.stringContaining('times of words are available in json and vtt only'),
    });
  expect(queries).toHaveLength(2);
});

test('with --json every file is in the output, refused ones with their reason', async () => {
  await serve(stageOfFiles);
  const folder = folderOf('good.mp3');
  const { code, out } = await chunkscribe('--json', 'transcribe', join(folder, 'nowhere.mp3'), join(folder, 'good.mp3'));
  expect(code).toBe(1);
  expect(JSON.parse(out)).toMatchObject([
    { file: join(folder, 'nowhere.mp3'), status: 'refused', text: null, error: 'the file does not exist' },
    { file: join(folder, 'good.mp3'), id: 'job_GOOD', status: 'completed', text: join(folder, 'good.txt') },
  ]);
});

test('a text that cannot be written does not affect the others [files.one-by-one]', async () => {
  await serve(stageOfFiles);
  const folder = folderOf('first.mp3', 'good.mp3');
  mkdirSync(join(folder, 'first.txt'));
  const { code, out, err } = await chunkscribe('transcribe', '--force', join(folder, 'first.mp3'), join(folder, 'good.mp3'));
  expect({ code, out: out.trim() }).toEqual({ code: 2, out: join(folder, 'good.txt') });
  expect(err).toContain('first.mp3: EISDIR');
});

test('a stage that refuses the token ends the command at the first file [files.one-by-one]', async () => {
  const url = await serve(({ url: path }) => (path === '/api/health' ? undefined : { status: 401, body: { message: 'no' } }));
  const folder = folderOf('a.mp3', 'b.mp3');
  const { code, err } = await chunkscribe('transcribe', join(folder, 'a.mp3'), join(folder, 'b.mp3'));
  expect({ code, err, url }).toEqual({ code: 1, err: 'You are not signed in: the token is wrong or has expired', url });
});

test('a log has one line per step and one per minute [operation.usage]', () => {
  vi.useFakeTimers({ now: 0 });
  const line = progress(false);
  const linesAfter = (minutes: number, share: (minute: number) => number): number => {
    said.err = '';
    const startMs = Date.now();
    for (let ms = 0; ms < minutes * 60_000; ms += 2000) {
      vi.setSystemTime(startMs + ms);
      line.update(`talk.wav ${share(ms / 60_000).toFixed(3)}`, `${Math.floor(10 * share(ms / 60_000))}`);
    }
    return said.err.trim().split('\n').length;
  };
  expect(linesAfter(1, (minute) => minute)).toBe(10);
  expect(linesAfter(60, () => 0.5)).toBe(60);
});

test('a missing region or missing AWS credentials are reported with a hint to the doctor [operation.usage]', async () => {
  for (const name of ['AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_PROFILE', 'AWS_ACCESS_KEY_ID']) vi.stubEnv(name, undefined);
  vi.stubEnv('AWS_CONFIG_FILE', '/nowhere');
  vi.stubEnv('CHUNKSCRIBE_API', 'http://127.0.0.1:1');
  vi.stubEnv('CHUNKSCRIBE_WORKER_LOGS', 'a-log-group');
  expect(await chunkscribe('gpu', 'logs')).toMatchObject({
    code: 1,
    err: 'AWS: Region is missing; npx chunkscribe doctor --before shows what to do',
  });
});
