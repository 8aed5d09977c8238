/** Mass operations of one user and permanently failing changes do not delay other users. */
import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { CloudWatchLogsClient, DescribeLogGroupsCommand, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, expect, test } from 'vitest';
import { SettingsRow } from '../../core/contracts/rows.ts';
import { poll } from '../../host/poll.ts';
import { chunkRow, chunkTranscript, sessionRow } from '../support/rows.ts';
import { checkInvariants, REPLACED } from './invariants.ts';
import { atRest, chunkRows, db, keysBelow, output, s3, sampleChunks, uniqueCopy, userA } from './support.ts';

/** Not a real user, so the invariants ignore its rows. */
const BUSY = 'busy-user';
const CHUNKS = 300;
/** More than one batch of a stream. */
const FAILING = 30;

afterAll(async () => {
  await atRest();
  await checkInvariants();
});

const put = (table: string, Item: object) => db.send(new PutCommand({ TableName: output(table), Item }));

/** Writes a completed session with transcribed chunks to which older corrections were applied. */
async function seeded(sessionId: string, count: number, result_key: string): Promise<void> {
  const ours = { session_id: sessionId, user_id: BUSY };
  await put('SessionsTable', sessionRow({ ...ours, state: 'completed', chunk_count: count, completed_at_ms: 2_000 }));
  const rows = Array.from({ length: count }, (_, i) => {
    const { pending_shard: _none, ...row } = chunkRow(i + 1, { ...ours, state: 'done', fence: 1, result_key, raw_text: 'w1-0' });
    return { ...row, corrections_version: 0, duration_seconds: 3 };
  });
  await Promise.all(rows.map((row) => put('ChunksTable', row)));
}

/** Number of assemblies of this session, from the logs. */
async function assembliesOf(sessionId: string): Promise<number> {
  const logs = new CloudWatchLogsClient();
  const { logGroups = [] } = await logs.send(new DescribeLogGroupsCommand({}));
  const names = logGroups.map(({ logGroupName = '' }) => logGroupName).filter((name) => name.includes('Assembly'));
  const found = await Promise.all(
    names.map((logGroupName) => logs.send(new FilterLogEventsCommand({ logGroupName, filterPattern: `"${sessionId}"` }))),
  );
  return found.flatMap(({ events = [] }) => events).filter(({ message = '' }) => message.includes('"assembled"')).length;
}

/** Records one short chunk and waits for its transcript and its published result. */
async function recorded(): Promise<void> {
  const [chunk] = sampleChunks(1);
  if (chunk === undefined) throw new Error('the sample is too short');
  const { id } = await userA.createSession();
  await userA.upload(id, 1, uniqueCopy(chunk));
  await userA.complete(id, 1);
  expect((await userA.awaitTranscript(id, 120)).status).toBe('completed');
  // The stream record of the chunk's row publishes it; the transcript may be written for another record of the session.
  const [row] = await chunkRows(id);
  const published = row?.object_key.replace(/chunk-001[.]\w+$/, 'transcription-chunk-001.json') ?? '';
  await poll('the published chunk', 60, async () => (await keysBelow(published)).length === 1);
}

test(`a recording is transcribed while another user's corrections are applied to ${CHUNKS} chunks, each row once and the session once [pressure.corrections]`, async () => {
  const id = `session_busy${Date.now()}`;
  const result_key = `users/${BUSY}/sessions/${id}/results/001.1.json`;
  await s3.send(
    new PutObjectCommand({ Bucket: output('BucketName'), Key: result_key, Body: JSON.stringify(chunkTranscript(1, 3)) }),
  );
  await seeded(id, CHUNKS, result_key);
  const rules = [{ kind: 'word', match: 'w1-0', replace: 'corrected', caseSensitive: false }];
  await put('SettingsTable', { user_id: BUSY, version: 1, corrections: { rules, targetWords: [] }, applied_version: 0 });
  await recorded();
  await poll('the corrections on everything', 120, async () => {
    const { Item } = await db.send(new GetCommand({ TableName: output('SettingsTable'), Key: { user_id: BUSY } }));
    return SettingsRow.parse(Item).applied_version === 1;
  });
  expect((await chunkRows(id)).filter(({ corrected_text }) => corrected_text === 'corrected')).toHaveLength(CHUNKS);
  // Only for changes of the session row: when it is created and when its transcript is written.
  expect(await assembliesOf(id)).toBeLessThanOrEqual(4);
});

test('more permanently failing changes than fit in a batch do not block other users [pressure.contained]', async () => {
  const id = `session_poison${Date.now()}`;
  await put('SessionsTable', sessionRow({ session_id: id, user_id: BUSY, state: 'completed', chunk_count: 1 }));
  const result_key = `users/${BUSY}/no-such-object.json`;
  for (let n = 1; n <= FAILING; n += 1) {
    const { pending_shard: _none, ...row } = chunkRow(n, { session_id: id, user_id: BUSY, state: 'done', fence: 1, result_key });
    await put('ChunksTable', row);
  }
  await recorded();
});

test('the URL of an unused chunk number accepts one upload, even with replace: true; for a replacement the newest bytes count [pressure.overwritten]', async () => {
  const [first, second] = sampleChunks(3).map(uniqueCopy);
  if (first === undefined || second === undefined) throw new Error('the sample is too short');
  const { id } = await userA.createSession();
  const send = async (upload: { url: string; headers: Record<string, string> }, bytes: Buffer): Promise<number> => {
    const { 'content-length': _length, ...headers } = upload.headers;
    return (await fetch(upload.url, { method: 'PUT', headers, body: new Uint8Array(bytes) })).status;
  };
  const free = (await userA.presign(id, 1, first, { replace: true })).upload;
  expect(await send(free, first.bytes)).toBe(200);
  expect(await send(free, first.bytes)).toBe(412);
  await userA.awaitChunks(id, 120, ({ chunks }) => chunks[0]?.state === 'done');
  const taken = (await userA.presign(id, 1, second, { replace: true })).upload;
  const newest = Buffer.from(second.bytes);
  newest.set([(newest.at(-1) ?? 0) ^ 1], newest.length - 1); // inside the Void element: same length, same audio
  expect(await send(taken, second.bytes)).toBe(200);
  expect(await send(taken, newest)).toBe(200);
  const etag = createHash('md5').update(newest).digest('hex');
  const row = await poll('the text of the newest bytes', 120, async () => {
    const [now] = await chunkRows(id);
    return now?.state === 'done' && now.etag === etag ? now : undefined;
  });
  expect(row.error_message).toBeUndefined();
  await userA.complete(id, 1);
  await userA.awaitTranscript(id, 120);
  appendFileSync(REPLACED, `${id}#1\n`);
});
