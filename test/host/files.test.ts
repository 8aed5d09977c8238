/** File jobs with the real template, functions, worker and model. */
import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { S3Client } from '@aws-sdk/client-s3';
import { ListExecutionsCommand, SFNClient } from '@aws-sdk/client-sfn';
import { Upload } from '@aws-sdk/lib-storage';
import { afterAll, expect, test } from 'vitest';
import { FileTranscript } from '../../core/contracts/transcript.ts';
import { WORKER_PYTHON } from '../../host/paths.ts';
import { poll } from '../../host/poll.ts';
import { wordErrorRate, wordsOf } from '../../host/word-error-rate.ts';
import { fileClient, put, sampleFile } from './file-client.ts';
import { checkInvariants } from './invariants.ts';
import { atRest, chunkRows, host, keysBelow, knownWords, output, userA, workerPid } from './support.ts';

const MAX_WER = 0.08;
const files = fileClient(userA);

afterAll(async () => {
  await atRest();
  await checkInvariants();
});

/** GPU runs so far. */
async function runCount(): Promise<number> {
  const { executions = [] } = await new SFNClient().send(
    new ListExecutionsCommand({ stateMachineArn: output('StateMachineArn'), maxResults: 1000 }),
  );
  return executions.length;
}

/** The words of the sample, repeated. */
const said = (times: number): string[] => Array.from({ length: times }, knownWords).flat();

test('a small mp3 is transcribed, with monotonic progress [files.way, files.progress]', async () => {
  const id = await files.send(readFileSync(sampleFile(125, 'mp3')), { language: 'en' });
  const seen = await files.follow(id, 120);
  expect(seen.at(-1)).toMatchObject({
    status: 'completed',
    progress: 100,
    stage: 'Complete',
    error: null,
    durationSeconds: expect.closeTo(125, 0),
  });
  expect(seen.map(({ progress }) => progress)).toEqual(seen.map(({ progress }) => progress).sort((a, b) => a - b));
  expect(wordErrorRate(said(1), wordsOf(seen.at(-1)?.content ?? ''))).toBeLessThan(MAX_WER);
  const transcript = FileTranscript.parse(JSON.parse(await files.text(id, 'json')));
  expect(transcript).toMatchObject({ jobId: id, status: 'completed', language: 'en', model: 'protocol.en' });
  expect(await files.text(id, 'txt')).toBe(`${transcript.text}\n`);
  expect(await files.text(id, 'srt')).toMatch(/^1\n00:00:0\d,\d{3} --> /);
  expect(await files.text(id, 'vtt')).toMatch(/^WEBVTT\n\n00:00:0/);
  expect((await files.text(id, 'docx')).slice(0, 2)).toBe('PK');
});

test('a large WAV is compressed, cut, transcribed in parts, and stored compressed [files.way]', async () => {
  const bytes = readFileSync(sampleFile(1000, 'wav'));
  expect(bytes.length).toBeGreaterThan(28_000_000);
  const id = await files.send(bytes, { filename: 'talk.wav', contentType: 'audio/wav' });
  const seen = await files.follow(id, 170);
  expect(seen.at(-1)).toMatchObject({ status: 'completed' });
  expect(seen.map(({ stage }) => stage.replace(/\d+\/\d+/, 'i/n'))).toEqual(
    expect.arrayContaining(['Compressing audio', 'Transcribing chunk i/n', 'Complete']),
  );
  const transcript = FileTranscript.parse(JSON.parse(await files.text(id, 'json')));
  expect(transcript.text.split('\n\n').length).toBeGreaterThan(2);
  expect(wordErrorRate(said(8), wordsOf(transcript.text))).toBeLessThan(MAX_WER);
  const prefix = `users/${seen.at(-1)?.userId}/files/${id}/`;
  expect((await keysBelow(prefix)).sort()).toEqual([`${prefix}source.ogg`, `${prefix}transcription.json`]);
});

test('ten concurrent files are transcribed in one run [files.way]', async () => {
  const runsBefore = await runCount();
  const kinds = ['mp3', 'webm', 'flac', 'wav'] as const;
  const types = { mp3: 'audio/mpeg', webm: 'audio/webm', flac: 'audio/flac', wav: 'audio/wav' };
  const ids = await Promise.all(
    Array.from({ length: 10 }, (_, i) => {
      const kind = kinds[i % kinds.length] ?? 'mp3';
      return files.send(readFileSync(sampleFile(30, kind)), { contentType: types[kind], filename: `${i}.${kind}` });
    }),
  );
  for (const id of ids) expect((await files.follow(id, 170)).at(-1)).toMatchObject({ status: 'completed' });
  expect((await runCount()) - runsBefore).toBe(1);
});

test('after kill -9 of the worker, a file completes with the same text as without it [files.crashes]', async () => {
  const bytes = readFileSync(sampleFile(600, 'mp3'));
  const id = await files.send(bytes);
  await files.follow(id, 120, ({ progress }) => progress >= 22);
  process.kill(await workerPid(), 'SIGKILL');
  await files.follow(id, 120, ({ progress }) => progress > 40);
  process.kill(await workerPid(), 'SIGKILL');
  const [last] = (await files.follow(id, 170)).slice(-1);
  expect(last).toMatchObject({ status: 'completed' });
  // The same bytes with other options, so that they are transcribed again.
  const again = await files.send(bytes, { language: 'en' });
  expect((await files.follow(again, 170)).at(-1)?.content).toBe(last?.content);
});

test('an engine failure fails the job with its reason, does not affect other jobs, and a retry needs no new upload [files.crashes]', async () => {
  const bytes = readFileSync(sampleFile(20, 'mp3'));
  const [broken, good] = [await files.send(bytes, { model: 'no-such-model' }), await files.send(bytes)];
  const [end] = (await files.follow(broken, 120)).slice(-1);
  expect(end).toMatchObject({ status: 'failed', error: 'the model no-such-model cannot be loaded on this machine' });
  expect((await files.follow(good, 120)).at(-1)).toMatchObject({ status: 'completed' });
  await files.post(`/api/transcriptions/${broken}/retry`);
  const again = await files.follow(broken, 120);
  expect(again.at(-1)).toMatchObject({ status: 'failed', error: end?.error });
  expect(again.every(({ progress }) => progress >= 30)).toBe(true); // it was not cut again
});

test('a job can be cancelled in every state, and nothing of it remains [files.control]', async () => {
  const bytes = readFileSync(sampleFile(600, 'mp3'));
  const waiting = await files.create({ sizeBytes: 100 });
  await files.post(`/api/transcriptions/${waiting.id}/cancel`);
  for (const reached of [0, 21, 45]) {
    const id = await files.send(bytes, { prompt: `unlike ${reached}` });
    await files.follow(id, 120, ({ progress, status }) => progress >= reached || status === 'completed');
    await files.post(`/api/transcriptions/${id}/cancel`);
    expect(await files.status(id)).toMatchObject({ status: 'cancelled' });
    await poll('its rows gone', 30, async () => (await chunkRows(id)).length === 0);
    await expect(files.post(`/api/transcriptions/${id}/retry`)).rejects.toMatchObject({ code: 'not-failed' });
  }
});

test('a file is transcribed even if its client never completes the upload [files.upload]', async () => {
  const bytes = readFileSync(sampleFile(15, 'mp3'));
  const { id, upload } = await files.create({ sizeBytes: bytes.length });
  if (upload.kind === 'single') expect((await put(upload, bytes)).status).toBe(200);
  expect((await files.follow(id, 120)).at(-1)).toMatchObject({ status: 'completed' });
});

test('the same content is transcribed once, even if it is sent twice concurrently [files.once]', async () => {
  const bytes = readFileSync(sampleFile(60, 'mp3'));
  const ids = await Promise.all([files.send(bytes), files.send(bytes)]);
  const ends = await Promise.all(ids.map(async (id) => (await files.follow(id, 170)).at(-1)));
  expect(ends).toMatchObject([{ status: 'completed' }, { status: 'completed' }]);
  expect(ends[0]?.content).toBe(ends[1]?.content);
  expect(ends.filter((end) => end?.sameAs !== undefined)).toHaveLength(1);
  const rows = (await Promise.all(ids.map((id) => chunkRows(id)))).flat();
  expect(rows.filter(({ chunk_number }) => chunk_number > 0)).toHaveLength(1);
});

test.each([
  ['a text named .mp3', Buffer.from('this is no audio, whatever it is called\n'.repeat(100))],
  ['a playlist', Buffer.from('#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/x.ts\n')],
  ['an ffconcat script', Buffer.from("ffconcat version 1.0\nfile '../other/audio'\n")],
  ['a session description', Buffer.from('v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n')],
])('%s fails as unsupported media [files.hostile]', async (_what, bytes) => {
  const id = await files.send(bytes);
  expect((await files.follow(id, 90)).at(-1)).toMatchObject({
    status: 'failed',
    error: expect.stringMatching(/^unsupported-media/),
  });
});

/** Multipart upload of lib-storage, whose requests are redirected to the presigned URLs of a job. */
async function sendWithLibStorage(id: string, Body: Buffer): Promise<void> {
  const xml = (body: string) => ({ response: { statusCode: 200, headers: {}, body: Readable.from([body]) } });
  const client = new S3Client({
    credentials: { accessKeyId: 'none', secretAccessKey: 'none' },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    requestHandler: {
      async handle({ query, body }: { query: Record<string, string>; body: Buffer }) {
        if ('uploads' in query)
          return xml(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
        if ('partNumber' in query) {
          const { parts } = await files.parts(id, { partNumbers: [Number(query['partNumber'])] });
          const stored = parts[0] && (await put(parts[0], body));
          return { response: { statusCode: 200, headers: { etag: stored?.headers.get('etag') ?? '' }, body: Readable.from([]) } };
        }
        await files.complete(id);
        return xml('<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>');
      },
    } as never,
  });
  await new Upload({ client, params: { Bucket: 'bucket', Key: 'key', Body }, partSize: 16 * 1024 ** 2 }).done();
}

test.each(['boto3', 'lib-storage'])(
  '%s uploads a large file through the presigned URLs of its job [files.upload]',
  async (library) => {
    const path = sampleFile(700, 'wav');
    const { id } = await files.create({ sizeBytes: statSync(path).size, contentType: 'audio/wav', filename: 'large.wav' });
    if (library === 'lib-storage') await sendWithLibStorage(id, readFileSync(path));
    else
      await promisify(execFile)(WORKER_PYTHON, [
        join('test', 'host', 'upload_with_boto3.py'),
        path,
        host.apiUrl,
        host.tokens.a,
        id,
      ]);
    expect((await files.follow(id, 170)).at(-1)).toMatchObject({ status: 'completed', durationSeconds: expect.closeTo(700, 0) });
  },
);

test.each([
  [process.execPath, 'transcribe.ts'],
  [WORKER_PYTHON, 'transcribe.py'],
  ['sh', 'transcribe.sh'],
])('the example of the guide transcribes a file: %s %s [files.examples]', async (command, example) => {
  const env = { ...process.env, CHUNKSCRIBE_URL: host.apiUrl, CHUNKSCRIBE_TOKEN: host.tokens.a };
  const args = [join('docs', 'examples', example), sampleFile(125, 'mp3'), 'audio/mpeg'];
  const { stdout, stderr } = await promisify(execFile)(command, args, { env });
  expect(wordErrorRate(said(1), wordsOf(stdout))).toBeLessThan(MAX_WER);
  expect(stderr).toMatch(/ % /);
});
