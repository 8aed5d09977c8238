/** Files that the MCP server writes, with several concurrent servers and with files of the user. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { InMemoryTransport, McpServer } from '@modelcontextprotocol/server';
import { beforeEach, expect, test } from 'vitest';
import { type Backend, BackendError, type Progress } from '../../mcp/backend.ts';
import { folders } from '../../mcp/folders.ts';
import { registerTools } from '../../mcp/tools.ts';

const TEXT = 'hello everyone\n';
let [root, notes, outside] = ['', '', ''];
/** Jobs of the fake service, by job id. */
const jobs = new Map<string, { status: Progress['status']; text: string }>();
const end = (status: Progress['status'], text = TEXT): void => {
  for (const id of jobs.keys()) jobs.set(id, { status, text });
};

const jobOf = (id: string) => {
  const job = jobs.get(id);
  if (job === undefined) throw new BackendError('unknown-job', 'there is no such job');
  return job;
};
const backend: Backend = {
  url: 'http://service',
  check: async () => undefined,
  async send(path) {
    const jobId = `job_${path.split('/').at(-1)?.replace(/\W/g, '-')}`;
    if (!jobs.has(jobId)) jobs.set(jobId, { status: 'queued', text: TEXT });
    return { jobId, status: jobOf(jobId).status };
  },
  progress: async (id) => ({ status: jobOf(id).status, progress: 50, error: jobOf(id).status === 'failed' ? 'no audio' : null }),
  list: async () => [],
  transcript: async (id) => ({ text: jobOf(id).text, duration_seconds: 1, segments: [] }),
  render: async (id) => jobOf(id).text,
};

/** A new server, as each conversation starts one. */
async function assistant(roots = [root]) {
  const server = new McpServer({ name: 'test', version: '1' });
  registerTools(server, backend, await folders(roots), notes);
  const client = new Client({ name: 'test', version: '1' });
  const [one, other] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(other), client.connect(one)]);
  const call = async (name: string, input: Record<string, unknown>) =>
    (await client.callTool({ name, arguments: input })).structuredContent as Record<string, unknown>;
  return {
    begin: (filename: string, more = {}) => call('transcribe_wav', { filename: join(root, filename), ...more }),
    check: (job_id: unknown, more = {}) => call('check_transcription_status', { job_id, ...more }),
  };
}
const inRoot = (name: string): string => join(root, name);
const read = (name: string): string => readFileSync(inRoot(name), 'utf8');
const textFiles = (): string[] => readdirSync(root).filter((name) => name.endsWith('.txt') || name.endsWith('.tmp'));

beforeEach(() => {
  jobs.clear();
  [root = '', notes = '', outside = ''] = ['root', 'notes', 'outside'].map((name) => mkdtempSync(join(tmpdir(), `mcp-${name}-`)));
  for (const name of ['talk.wav', 'talk.mp3']) writeFileSync(inRoot(name), 'audio');
});

test('another process saves the text and removes the status file without output_dir [mcp.files]', async () => {
  const { job_id, status_file } = await (await assistant()).begin('talk.wav');
  expect(status_file).toBe(inRoot('talk.transcribing.txt'));
  expect(await (await assistant()).check(job_id)).toMatchObject({ status: 'queued' });
  expect(textFiles()).toEqual(['talk.transcribing.txt']);
  end('completed');
  expect(await (await assistant()).check(job_id)).toMatchObject({ transcript_file: inRoot('talk.txt'), transcript: TEXT });
  expect(textFiles()).toEqual(['talk.txt']);
});

test.each(['failed', 'cancelled'] as const)(
  'the status file of a job that has %s is removed by any server [mcp.files]',
  async (status) => {
    const { job_id } = await (await assistant()).begin('talk.wav');
    end(status);
    expect(await (await assistant()).check(job_id)).toMatchObject({ success: false, error: status });
    expect(textFiles()).toEqual([]);
  },
);

test('an existing text is not overwritten, whether it was created before or during the job [mcp.files]', async () => {
  writeFileSync(inRoot('talk.txt'), 'my own notes');
  const mine = await assistant();
  const { job_id } = await mine.begin('talk.wav');
  writeFileSync(inRoot('talk (2).txt'), 'more notes');
  end('completed');
  expect(await mine.check(job_id)).toMatchObject({
    transcript_file: inRoot('talk (3).txt'),
    message: expect.stringContaining('talk (3).txt'),
  });
  expect(['talk.txt', 'talk (2).txt', 'talk (3).txt'].map(read)).toEqual(['my own notes', 'more notes', TEXT]);
});

test('a text is saved only once, even with several servers and repeated checks [mcp.files]', async () => {
  const { job_id } = await (await assistant()).begin('talk.wav');
  end('completed');
  const servers = await Promise.all([assistant(), assistant(), assistant()]);
  const checks = servers.flatMap((server) => [server.check(job_id), server.check(job_id, { output_dir: root })]);
  for (const said of await Promise.all(checks)) expect(said).toMatchObject({ transcript_file: inRoot('talk.txt') });
  expect(await (await assistant()).check(job_id)).toMatchObject({ transcript_file: inRoot('talk.txt') });
  expect(textFiles()).toEqual(['talk.txt']);
  writeFileSync(inRoot('talk.txt'), `${TEXT} and what I have added`);
  await (await assistant()).check(job_id);
  expect(read('talk.txt')).toContain('what I have added');
});

test('recordings with the same name each have a status file and a text [mcp.files]', async () => {
  const mine = await assistant();
  const [wav, mp3] = [await mine.begin('talk.wav'), await mine.begin('talk.mp3')];
  expect(textFiles().sort()).toEqual(['talk (2).transcribing.txt', 'talk.transcribing.txt']);
  expect(await mine.begin('talk.mp3')).toMatchObject({ status_file: inRoot('talk (2).transcribing.txt') });
  jobs.set(String(mp3['job_id']), { status: 'completed', text: 'the other' });
  jobs.set(String(wav['job_id']), { status: 'completed', text: TEXT });
  for (const { job_id } of [wav, mp3]) await (await assistant()).check(job_id, { output_dir: root });
  expect(textFiles().sort()).toEqual(['talk (2).txt', 'talk.txt']);
  expect(['talk.txt', 'talk (2).txt'].map(read)).toEqual([TEXT, 'the other']);
});

test('links and folders with the names of the server’s files are not touched [mcp.files]', async () => {
  const target = join(outside, 'target');
  writeFileSync(target, 'untouched');
  symlinkSync(target, inRoot('talk.transcribing.txt'));
  const mine = await assistant();
  expect(await mine.begin('talk.wav')).toMatchObject({ error: 'path-not-allowed' });
  mkdirSync(inRoot('inside'));
  const { job_id } = await mine.begin('talk.wav', { output_dir: inRoot('inside') });
  end('completed');
  symlinkSync(join(outside, 'new'), inRoot('inside/talk.txt'));
  expect(await mine.check(job_id)).toMatchObject({ success: false, error: 'path-not-allowed' });
  expect([readFileSync(target, 'utf8'), existsSync(join(outside, 'new'))]).toEqual(['untouched', false]);
  mkdirSync(inRoot('other'));
  mkdirSync(inRoot('other/talk.txt'));
  expect(await mine.check(job_id, { output_dir: inRoot('other') })).toMatchObject({
    transcript_file: inRoot('other/talk (2).txt'),
  });
  expect(existsSync(inRoot('inside/talk.transcribing.txt'))).toBe(false);
});

test('a server does not write to a folder outside its roots', async () => {
  const { job_id } = await (await assistant()).begin('talk.wav');
  end('completed');
  expect(await (await assistant([outside])).check(job_id)).toMatchObject({
    success: true,
    transcript: TEXT,
    message: expect.stringContaining('pass output_dir'),
  });
  expect(readdirSync(outside)).toEqual([]);
  expect(textFiles()).toEqual(['talk.transcribing.txt']);
});

test('user files named like status files, and broken or old notes, are handled', async () => {
  const first = await assistant();
  writeFileSync(inRoot('talk.transcribing.txt'), 'I am transcribing this by hand');
  const { job_id } = await first.begin('talk.wav');
  const old = join(notes, 'job_old.json');
  writeFileSync(old, '{');
  utimesSync(old, 0, 0);
  writeFileSync(join(notes, 'job_broken.json'), '{');
  jobs.set('job_broken', { status: 'completed', text: TEXT });
  expect(await first.check('job_broken')).toMatchObject({ success: true, transcript: TEXT });
  end('completed');
  expect(await first.check(job_id)).toMatchObject({ transcript_file: inRoot('talk.txt') });
  expect(read('talk.transcribing.txt')).toBe('I am transcribing this by hand');
  jobs.delete(String(job_id));
  await first.begin('talk.mp3');
  expect(existsSync(old)).toBe(false);
});

test('a job that has already ended when it is started again can be checked like any other', async () => {
  const { job_id } = await (await assistant()).begin('talk.wav');
  end('completed');
  await (await assistant()).check(job_id);
  const again = await (await assistant()).begin('talk.wav');
  expect(again).toMatchObject({ success: true, status: 'completed', job_id });
  expect(textFiles().sort()).toEqual(['talk.transcribing.txt', 'talk.txt']);
  expect(await (await assistant()).check(job_id)).toMatchObject({ transcript_file: inRoot('talk.txt') });
  expect(textFiles()).toEqual(['talk.txt']);
});
