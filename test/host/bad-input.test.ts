/** Invalid input is refused and does not affect anything else. */
import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { CopyObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, expect, test } from 'vitest';
import { poll } from '../../host/poll.ts';
import { ApiError } from '../../host/recording-client.ts';
import { checkInvariants, REPLACED } from './invariants.ts';
import { admin, atRest, bytes, chunkRows, output, s3, sampleChunks, userA, userB } from './support.ts';

const refusal = (call: Promise<unknown>): Promise<{ status: number; code: string | undefined }> =>
  call.then(
    () => ({ status: 200, code: undefined }),
    (error: unknown) => {
      if (error instanceof ApiError) return { status: error.status, code: error.code };
      throw error;
    },
  );
const [good] = sampleChunks();
if (good === undefined) throw new Error('the sample is too short');

afterAll(async () => {
  await atRest();
  await checkInvariants();
});

test('chunks that are not audio fail permanently after one attempt with a reason; the rest of the session is not affected [media.hostile]', async () => {
  const { id } = await userA.createSession();
  const files = [
    good,
    bytes('This is a text, not a recording.'),
    bytes('ffconcat version 1.0\nfile /etc/hostname\n'),
    bytes('v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n'),
    bytes('#EXTM3U\nhttp://127.0.0.1:1/x.ts\n'),
    bytes(good.bytes.subarray(0, 40)),
  ];
  for (const [i, file] of files.entries()) expect((await userA.upload(id, i + 1, file)).status).toBe(200);
  await userA.complete(id, files.length);
  const transcript = await userA.awaitTranscript(id, 120);
  expect(transcript.status).toBe('partial');
  expect(transcript.gaps.map(({ chunkNumber }) => chunkNumber)).toEqual([2, 3, 4, 5, 6]);
  for (const { reason } of transcript.gaps) expect(reason).toMatch(/^unsupported-media: /);
  expect(transcript.text).toMatch(/^fifty juliet/);
  const rows = await chunkRows(id);
  expect(rows.map(({ state, attempts }) => [state, attempts])).toEqual([
    ['done', 1],
    ...Array.from({ length: 5 }, () => ['dead', 1]),
  ]);
});

test('an empty object fails permanently at once', async () => {
  const { id } = await userA.createSession();
  const { key } = await userA.presign(id, 1, good);
  await s3.send(new PutObjectCommand({ Bucket: output('BucketName'), Key: key, Body: Buffer.alloc(0) }));
  const [row] = await poll('the row', 20, async () => {
    const rows = await chunkRows(id);
    return rows.length > 0 ? rows : undefined;
  });
  expect(row).toMatchObject({ state: 'dead', error_message: 'the uploaded file is empty', attempts: 0 });
});

test.each([
  ['chunk number 0', 0, {}, 422],
  ['chunk number 10^6', 1_000_000, {}, 422],
  ['a userId in the body', 1, { userId: 'x' }, 422],
  ['more than 25 MiB', 1, { sizeBytes: 30_000_000 }, 413],
  ['an empty chunk', 1, { sizeBytes: 0 }, 422],
  ['a type that is not audio', 1, { contentType: 'text/html' }, 415],
])('%s is refused by the API', async (_what, n, more, status) => {
  const { id } = await userA.createSession();
  expect(await refusal(userA.presign(id, n, good, more))).toMatchObject({ status });
  expect(await chunkRows(id)).toEqual([]);
});

test("another user's session is 403, an unknown one 404; an admin can read every session [security.tenants]", async () => {
  const { id } = await userA.createSession();
  expect(await refusal(userB.transcript(id))).toEqual({ status: 403, code: 'forbidden' });
  expect(await refusal(userA.session('session_unknown'))).toEqual({ status: 404, code: 'not-found' });
  expect((await admin.session(id)).id).toBe(id);
});

test('an upload URL is valid only for its key, headers and lifetime [api.held]', async () => {
  const { id } = await userA.createSession();
  const sha256 = createHash('sha256').update(good.bytes).digest('base64');
  const { upload } = await userA.presign(id, 1, good, { sha256, overlapMs: 250 });
  const signed = new URL(upload.url).searchParams.get('X-Amz-SignedHeaders')?.split(';');
  expect(signed).toEqual(
    expect.arrayContaining(['content-length', 'content-type', 'host', 'if-none-match', 'x-amz-checksum-sha256']),
  );
  expect(upload.url).not.toMatch(/x-amz-checksum-crc|x-amz-sdk-checksum/i);
  expect(new URL(upload.url).searchParams.get('X-Amz-Expires')).toBe('300');
  const { 'content-length': _length, ...headers } = upload.headers;
  const put = async (url: string, body: Buffer, more: Record<string, string> = {}): Promise<number> =>
    (await fetch(url, { method: 'PUT', headers: { ...headers, ...more }, body: new Uint8Array(body) })).status;
  expect(await put(upload.url.replace('chunk-001', 'chunk-002'), good.bytes)).toBe(403);
  expect(await put(upload.url.replace('X-Amz-Expires=300', 'X-Amz-Expires=9999'), good.bytes)).toBe(403);
  expect(await put(upload.url, good.bytes.subarray(1))).toBe(403);
  expect(await put(upload.url, good.bytes, { 'content-type': 'text/html' })).toBe(403);
  expect(await put(upload.url, good.bytes, { 'x-amz-meta-overlap-ms': '9000' })).toBe(403);
  expect(await put(upload.url, Buffer.alloc(good.bytes.length))).toBe(400);
  expect(await put(upload.url, good.bytes)).toBe(200);
});

test('an existing chunk is not overwritten, and can be replaced with replace: true [recording.replace]', async () => {
  const { id } = await userA.createSession();
  const { upload } = await userA.presign(id, 1, good);
  const { 'content-length': _length, ...headers } = upload.headers;
  const put = () => fetch(upload.url, { method: 'PUT', headers, body: new Uint8Array(good.bytes) });
  expect((await put()).status).toBe(200);
  expect((await put()).status).toBe(412);
  await poll('the row', 20, async () => (await chunkRows(id)).length > 0);
  expect(await refusal(userA.presign(id, 1, good))).toEqual({ status: 409, code: 'chunk-exists' });

  const other = sampleChunks()[2];
  if (other === undefined) throw new Error('the sample is too short');
  await userA.awaitChunks(id, 120, ({ chunks }) => chunks[0]?.state === 'done');
  const [before] = await chunkRows(id);
  expect((await userA.upload(id, 1, other, { replace: true })).status).toBe(200);
  const after = await poll('the new result', 120, async () => {
    const [row] = await chunkRows(id);
    return row?.state === 'done' && row.etag !== before?.etag ? row : undefined;
  });
  appendFileSync(REPLACED, `${id}#1\n`);
  expect(after.raw_text).not.toBe(before?.raw_text);
  expect(after.fence).toBeGreaterThan(before?.fence ?? 0);
});

test("an object under another user's session does not change it [security.tenants]", async () => {
  const mine = await userA.createSession();
  const theirs = await userB.createSession();
  const { key } = await userA.presign(mine.id, 1, good);
  await s3.send(new PutObjectCommand({ Bucket: output('BucketName'), Key: key, Body: good.bytes }));
  const foreign = key.replace(mine.id, theirs.id);
  await s3.send(
    new CopyObjectCommand({ Bucket: output('BucketName'), Key: foreign, CopySource: `${output('BucketName')}/${key}` }),
  );
  await userA.awaitChunks(mine.id, 120, ({ chunks }) => chunks.length === 1);
  expect((await userB.session(theirs.id)).chunks).toEqual([]);
});
