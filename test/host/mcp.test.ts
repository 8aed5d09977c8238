/** The MCP server with a stage as its backend. */
import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PROJECT } from '../../host/paths.ts';
import { poll } from '../../host/poll.ts';
import { sampleFile } from './file-client.ts';
import { checkInvariants } from './invariants.ts';
import { atRest, host } from './support.ts';

const folder = join(host.temporary, 'assistant');
const talk = join(folder, 'talk.webm');
const assistant = async (stage: Record<string, string>): Promise<Client> => {
  const client = new Client({ name: 'test', version: '1' });
  const env = { ...process.env, HOME: folder, CHUNKSCRIBE_ROOTS: folder, ...stage } as Record<string, string>;
  const args = ['--disable-warning=ExperimentalWarning', join(PROJECT, 'mcp', 'main.ts')];
  await client.connect(new StdioClientTransport({ command: process.execPath, args, env }));
  return client;
};
const call = async (client: Client, name: string, input: Record<string, unknown>) =>
  (await client.callTool({ name, arguments: input })).structuredContent as Record<string, unknown>;
const clients: Client[] = [];

beforeAll(() => {
  mkdirSync(folder, { recursive: true });
  renameSync(sampleFile(125, 'webm'), talk);
});
afterAll(async () => {
  for (const client of clients) await client.close();
  await atRest();
  await checkInvariants();
});

test('a local file is uploaded once, its job can be polled, read and searched; another user cannot access it [mcp.tools]', async () => {
  const [a, b] = await Promise.all(
    [host.tokens.a, host.tokens.b].map((token) => assistant({ CHUNKSCRIBE_API: host.apiUrl, CHUNKSCRIBE_TOKEN: token })),
  );
  if (a === undefined || b === undefined) throw new Error('two users');
  clients.push(a, b);
  const begun = await call(a, 'transcribe_wav', { filename: talk });
  expect(begun).toMatchObject({ success: true, status: 'queued', service_url: host.apiUrl });
  const { job_id } = begun;
  expect(await call(a, 'transcribe_wav', { filename: talk, min_speakers: 3, max_speakers: 2 })).toMatchObject({
    error: 'invalid',
    message: expect.stringContaining('minSpeakers and maxSpeakers'),
  });
  expect(await call(a, 'transcribe_wav', { filename: talk })).toMatchObject({ success: true, job_id });
  const done = await poll('the text', 170, async () => {
    const now = await call(a, 'check_transcription_status', { job_id });
    expect(now).toMatchObject({ success: true });
    return now['status'] === 'completed' ? now : undefined;
  });
  expect(done).toMatchObject({ progress: 100, transcript_file: join(folder, 'talk.txt') });
  expect(done['transcript']).toContain('hello everyone and welcome');
  expect(await call(a, 'get_transcript', { job_id, format: 'vtt' })).toMatchObject({ text: expect.stringMatching(/^WEBVTT/) });
  expect(await call(a, 'get_transcript', { job_id, start: 12, end: 16 })).toMatchObject({ text: 'hello everyone and welcome' });
  expect(await call(a, 'search_transcripts', { query: 'Everyone and welcome' })).toMatchObject({
    hits: expect.arrayContaining([expect.objectContaining({ job_id })]),
  });
  expect(await call(a, 'list_transcriptions', {})).toMatchObject({
    transcriptions: expect.arrayContaining([expect.objectContaining({ jobId: job_id, status: 'completed' })]),
  });
  expect(await call(b, 'check_transcription_status', { job_id })).toMatchObject({ success: false, error: 'forbidden' });
  expect(await call(a, 'check_transcription_status', { job_id: 'job_nobody' })).toMatchObject({ error: 'unknown-job' });
});

test('a wrong token and an unreachable stage are reported [mcp.tools]', async () => {
  const stranger = await assistant({ CHUNKSCRIBE_API: host.apiUrl, CHUNKSCRIBE_TOKEN: 'nobody' });
  const lonely = await assistant({ CHUNKSCRIBE_API: 'http://127.0.0.1:9', CHUNKSCRIBE_TOKEN: host.tokens.a });
  clients.push(stranger, lonely);
  expect(await call(stranger, 'transcribe_wav', { filename: talk })).toMatchObject({
    success: false,
    error: 'unauthorized',
  });
  expect(await call(lonely, 'transcribe_wav', { filename: talk })).toMatchObject({ success: false, error: 'stage-unreachable' });
});
