/** The MCP server with the SDK's client and with the inspector's command line. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { PROJECT } from '../../host/paths.ts';
import { poll } from '../../host/poll.ts';
import { SAMPLE } from '../support/fixture-sample.ts';

const { url, root } = inject('service');
const allowed = join(root, 'allowed');
const texts = join(allowed, 'texts');
const outside = join(root, 'outside');
const env = { ...process.env, HOME: root, CHUNKSCRIBE_SERVICE: url, CHUNKSCRIBE_ROOTS: allowed } as Record<string, string>;
const command = process.execPath;
const args = ['--disable-warning=ExperimentalWarning', join(PROJECT, 'mcp', 'main.ts')];
const client = new Client({ name: 'test', version: '1' });
const said: number[] = [];

const call = async (name: string, input: object): Promise<Record<string, unknown>> => {
  const { structuredContent } = await client.callTool(
    { name, arguments: { ...input } },
    { onprogress: ({ progress }: { progress: number }) => said.push(progress) },
  );
  return structuredContent as Record<string, unknown>;
};

beforeAll(async () => {
  for (const folder of [allowed, texts, outside]) mkdirSync(folder, { recursive: true });
  copyFileSync(SAMPLE, join(allowed, 'talk.webm'));
  copyFileSync(SAMPLE, join(outside, 'secret.webm'));
  symlinkSync(join(outside, 'secret.webm'), join(allowed, 'link.webm'));
  symlinkSync(outside, join(allowed, 'folder-link'));
  await client.connect(new StdioClientTransport({ command, args, env }));
});
afterAll(() => client.close());

test('a recording is started, polled and saved; then it is listed, read in ranges and searched [mcp.tools]', async () => {
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name).sort()).toEqual(
    ['check_transcription_status', 'get_transcript', 'list_transcriptions', 'search_transcripts', 'transcribe_wav'].sort(),
  );
  const begun = await call('transcribe_wav', { filename: join(allowed, 'talk.webm'), output_dir: texts });
  expect(begun).toMatchObject({ success: true, job_id: expect.any(String), service_url: url });
  const job_id = String(begun['job_id']);
  const status = join(texts, 'talk.transcribing.txt');
  expect(readFileSync(status, 'utf8')).toContain(`job_id: ${job_id}`);
  expect(said.at(-1)).toBe(100);

  const done = await poll('the text', 120, async () => {
    const now = await call('check_transcription_status', { job_id });
    expect(now).toMatchObject({ success: true });
    return now['status'] === 'completed' ? now : undefined;
  });
  expect(done).toMatchObject({
    progress: 100,
    transcript_file: join(texts, 'talk.txt'),
    transcript: expect.stringContaining('hello everyone'),
  });
  expect(readFileSync(join(texts, 'talk.txt'), 'utf8')).toBe(done['transcript']);
  expect(existsSync(status)).toBe(false);

  expect(await call('list_transcriptions', {})).toMatchObject({
    transcriptions: expect.arrayContaining([expect.objectContaining({ jobId: job_id, status: 'completed' })]),
  });
  expect((await call('get_transcript', { job_id, format: 'srt' }))['text']).toMatch(/^1\n00:00:0/);
  expect((await call('get_transcript', { job_id, start: 12, end: 16 }))['text']).toBe('hello everyone and welcome');
  const { hits } = await call('search_transcripts', { query: 'Everyone and welcome' });
  expect(hits).toMatchObject([{ filename: 'talk.webm', start: expect.closeTo(13.7, 0) }]);
});

test.each([
  ['transcribe_wav', { filename: join(outside, 'secret.webm') }],
  ['transcribe_wav', { filename: join(allowed, '..', 'outside', 'secret.webm') }],
  ['transcribe_wav', { filename: join(allowed, 'link.webm') }],
  ['transcribe_wav', { filename: join(allowed, 'folder-link', 'secret.webm') }],
  ['transcribe_wav', { filename: '/dev/zero' }],
  ['transcribe_wav', { filename: texts }],
  ['transcribe_wav', { filename: `${join(allowed, 'talk.webm')}\0.txt` }],
  ['transcribe_wav', { filename: join(outside, 'is-it-there.webm') }],
  ['transcribe_wav', { filename: join(allowed, 'talk.webm'), output_dir: outside }],
  ['transcribe_wav', { filename: join(allowed, 'talk.webm'), output_dir: join(allowed, 'folder-link') }],
])('%s with %o is path-not-allowed, and nothing is written outside the roots [mcp.tools]', async (name, input) => {
  expect(await call(name, input)).toMatchObject({ success: false, error: 'path-not-allowed' });
  expect(existsSync(join(outside, 'talk.transcribing.txt'))).toBe(false);
});

test('a status file that is a link is not followed [mcp.tools]', async () => {
  const target = join(outside, 'target.txt');
  writeFileSync(target, 'untouched');
  copyFileSync(SAMPLE, join(allowed, 'trap.webm'));
  symlinkSync(target, join(texts, 'trap.transcribing.txt'));
  expect(await call('transcribe_wav', { filename: join(allowed, 'trap.webm'), output_dir: texts })).toMatchObject({
    error: 'path-not-allowed',
  });
  expect(readFileSync(target, 'utf8')).toBe('untouched');
});

test('missing files, unknown jobs and an unreachable service are reported [mcp.tools]', async () => {
  expect(await call('transcribe_wav', { filename: join(allowed, 'nothing.webm') })).toMatchObject({ error: 'file-not-found' });
  writeFileSync(join(allowed, 'notes.wav'), 'no audio');
  expect(await call('transcribe_wav', { filename: join(allowed, 'notes.wav') })).toMatchObject({ error: 'unsupported-media' });
  const talk = join(allowed, 'talk.webm');
  const impossible = { filename: talk, diarize: true, min_speakers: 3, max_speakers: 2 };
  expect(await call('transcribe_wav', impossible)).toMatchObject({ error: 'invalid-speakers' });
  expect(await call('check_transcription_status', { job_id: 'job_nobody' })).toMatchObject({
    success: false,
    error: 'unknown-job',
  });
  const lonely = new Client({ name: 'test', version: '1' });
  await lonely.connect(new StdioClientTransport({ command, args, env: { ...env, CHUNKSCRIBE_SERVICE: 'http://127.0.0.1:9' } }));
  const { structuredContent } = await lonely.callTool({
    name: 'transcribe_wav',
    arguments: { filename: join(allowed, 'talk.webm') },
  });
  expect(structuredContent).toMatchObject({ success: false, error: 'service-unreachable' });
  await lonely.close();
});

test('the inspector’s command line lists and calls every tool [mcp.tools]', async () => {
  const inspector = join(PROJECT, '.local', 'inspector', 'node_modules', '.bin', 'mcp-inspector');
  const settings = [`HOME=${root}`, `CHUNKSCRIBE_SERVICE=${url}`, `CHUNKSCRIBE_ROOTS=${allowed}`].flatMap((one) => ['-e', one]);
  const run = (...more: string[]): string =>
    execFileSync(inspector, ['--cli', ...settings, command, ...args, ...more], {
      encoding: 'utf8',
      stdio: 'pipe', // its errors are in the message of a failure
      timeout: 120_000,
    });
  /** A second try: on a busy machine, the inspector failed once for a reason that was not seen. The first error is printed. */
  const inspect = (...more: string[]): string => {
    try {
      return run(...more);
    } catch (error) {
      console.error(error);
      return run(...more);
    }
  };
  const tool = (name: string, ...input: string[]): string =>
    inspect('--method', 'tools/call', '--tool-name', name, ...input.flatMap((one) => ['--tool-arg', one]));
  expect(inspect('--method', 'tools/list')).toContain('transcribe_wav');
  const begun = tool('transcribe_wav', `filename=${join(allowed, 'talk.webm')}`, `output_dir=${texts}`);
  const job = /"job_id":\s*"([\w.-]+)"/.exec(begun)?.[1] ?? '';
  expect(job).not.toBe('');
  expect(tool('check_transcription_status', `job_id=${job}`, `output_dir=${texts}`)).toContain('hello everyone');
  expect(tool('get_transcript', `job_id=${job}`, 'format=vtt')).toContain('WEBVTT');
  expect(tool('list_transcriptions', 'limit=5')).toContain('talk.webm');
  expect(tool('search_transcripts', 'query=welcome')).toContain('talk.webm');
});
