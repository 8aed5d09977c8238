/** What must be refused, and what must not be harmed by it. */
import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { CognitoIdentityProviderClient, CreateUserPoolClientCommand } from '@aws-sdk/client-cognito-identity-provider';
import { CopyObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, expect, test } from 'vitest';
import { poll } from '../../host/poll.ts';
import { ApiError, recordingClient } from '../../host/recording-client.ts';
import { signIn } from '../../host/users.ts';
import { checkInvariants, REPLACED } from './invariants.ts';
import { atRest, bytes, chunkRows, host, nobody, output, s3, sampleChunks, userA, userB } from './support.ts';

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

test('files that are no audio are dead with their reason, in one attempt, and the rest of the session is unharmed', async () => {
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

test('an object that is empty is dead at once', async () => {
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
  ['a type that is no audio', 1, { contentType: 'text/html' }, 415],
])('%s is refused by the API', async (_what, n, more, status) => {
  const { id } = await userA.createSession();
  expect(await refusal(userA.presign(id, n, good, more))).toMatchObject({ status });
  expect(await chunkRows(id)).toEqual([]);
});

test("somebody else's session is 403 for everything, an unknown one 404, no token 401", async () => {
  const { id } = await userA.createSession();
  expect(await refusal(userB.session(id))).toEqual({ status: 403, code: 'forbidden' });
  expect(await refusal(userB.presign(id, 1, good))).toEqual({ status: 403, code: 'forbidden' });
  expect(await refusal(userB.complete(id, 1))).toEqual({ status: 403, code: 'forbidden' });
  expect(await refusal(userB.transcript(id))).toEqual({ status: 403, code: 'forbidden' });
  expect(await refusal(userA.session('session_unknown'))).toEqual({ status: 404, code: 'not-found' });
  expect(await refusal(nobody.session(id))).toMatchObject({ status: 401 });
  expect((await userA.session(id)).state).toBe('recording');
  expect((await recordingClient(host.apiUrl, host.tokens.admin).session(id)).id).toBe(id);
});

test('tokens that are altered, unsigned or garbage are 401; the ID token of our client counts', async () => {
  const [head = '', claims = '', signature = ''] = host.tokens.a.split('.');
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const stolen = encode({ ...JSON.parse(Buffer.from(claims, 'base64url').toString()), sub: 'somebody-else' });
  const expired = encode({ ...JSON.parse(Buffer.from(claims, 'base64url').toString()), exp: 1 });
  const forged = [
    `${head}.${stolen}.${signature}`,
    `${head}.${expired}.${signature}`,
    `${encode({ alg: 'none', typ: 'JWT' })}.${claims}.`,
    'garbage',
  ];
  for (const token of forged)
    expect(await refusal(recordingClient(host.apiUrl, token).createSession())).toMatchObject({ status: 401 });
  expect((await recordingClient(host.apiUrl, host.tokens.aId).createSession()).state).toBe('recording');
});

test('a token of another client of the same pool is 401', async () => {
  const cognito = new CognitoIdentityProviderClient();
  const { UserPoolClient } = await cognito.send(
    new CreateUserPoolClientCommand({
      UserPoolId: output('UserPoolId'),
      ClientName: 'foreign',
      ExplicitAuthFlows: ['ALLOW_USER_PASSWORD_AUTH'],
    }),
  );
  const foreign = { endpoint: host.endpoint, userPoolId: output('UserPoolId'), clientId: UserPoolClient?.ClientId ?? '' };
  const tokens = await signIn(foreign, { email: 'a@example.com', password: host.password });
  for (const token of [tokens.access, tokens.id]) {
    expect(await refusal(recordingClient(host.apiUrl, token).createSession())).toMatchObject({ status: 401 });
  }
});

test('an upload address is good for its own key, headers and time only', async () => {
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

test('a chunk that is there is not overwritten, and can be replaced when asked for', async () => {
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

test('bytes under a session of somebody else change nothing of it', async () => {
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
