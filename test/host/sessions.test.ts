/** Sessions with the real template, functions, worker and model. */

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, expect, test } from 'vitest';
import * as z from 'zod';
import { PROJECT, WORKER_PYTHON } from '../../host/paths.ts';
import { poll } from '../../host/poll.ts';
import { wordErrorRate, wordsOf } from '../../host/word-error-rate.ts';
import { checkInvariants, expectTextOf } from './invariants.ts';
import {
  admin,
  atRest,
  bytes,
  chunkRows,
  db,
  host,
  invoke,
  keysBelow,
  knownWords,
  output,
  poolRow,
  reap,
  SAMPLE,
  sampleChunks,
  settled,
  userA,
  userB,
} from './support.ts';
import { wav } from './wav.ts';

const MAX_WER = 0.08;
const short = sampleChunks(10);

afterAll(async () => {
  await atRest();
  await checkInvariants();
});

test('overlapping chunks become a text without duplicated or cut words [chunk.overlap]', async () => {
  const { id } = await userA.createSession({ language: 'en' });
  const chunks = sampleChunks(15, 0.4);
  for (const [i, chunk] of chunks.entries())
    expect((await userA.upload(id, i + 1, chunk, i === 0 ? {} : { overlapMs: 400 })).status).toBe(200);
  await userA.complete(id, chunks.length);
  const transcript = await userA.awaitTranscript(id, 120);
  expect(transcript.duration_seconds).toBeCloseTo(125, 0);
  expect(wordErrorRate(knownWords(), wordsOf(transcript.text))).toBeLessThan(MAX_WER);
  expect((await chunkRows(id)).map(({ overlap_ms }) => overlap_ms)).toEqual([undefined, ...chunks.slice(1).map(() => 400)]);
});

test('the transcript grows during the recording; corrections apply to existing and new chunks; after Stop it is final [session.live, corrections]', async () => {
  const [first, second] = short;
  if (!first || !second) throw new Error('the sample is too short');
  const { id } = await userB.createSession({ language: 'en' });
  await userB.upload(id, 1, first);
  await userB.awaitChunks(id, 60, settled(1));
  const growing = await userB.transcript(id);
  expect(growing).toMatchObject({ final: false, gaps: [] });
  const [word = ''] = wordsOf(growing.text);
  const rules = [{ kind: 'word', match: word, replace: 'Zanzibar' }];
  await userB.call('PUT', '/api/corrections', { rules, targetWords: ['zanzibar'] });
  await poll('the corrections on what was there', 30, async () => (await chunkRows(id))[0]?.corrected_text?.includes('Zanzibar'));
  await userB.upload(id, 2, second);
  await userB.complete(id, 2);
  const transcript = await userB.awaitTranscript(id, 60);
  expect(transcript.text.startsWith('Zanzibar')).toBe(true);
  const cache = z.object({ cached: z.number(), targetWords: z.record(z.string(), z.number()) });
  const counted = await poll('the counts', 30, async () => {
    const found = cache.parse(await (await userB.call('GET', `/api/sessions/${id}/cache`)).json());
    return found.targetWords['zanzibar'] === undefined ? undefined : found;
  });
  expect(counted.cached).toBe(2);
  // Without rules the original text is restored, and nothing is transcribed twice.
  await userB.call('PUT', '/api/corrections', { rules: [] });
  await poll('the original text', 30, async () => !(await userB.transcript(id)).text.includes('Zanzibar'));
  expect((await chunkRows(id)).map(({ fence, attempts }) => [fence, attempts])).toEqual([
    [1, 1],
    [1, 1],
  ]);
});

test('a session deleted during its transcription does not reappear [session.deleted]', async () => {
  const { id } = await userA.createSession();
  const late = await userA.presign(id, 99, short[0] ?? bytes(''));
  for (const [i, chunk] of short.slice(0, 4).entries()) await userA.upload(id, i + 1, chunk);
  await poll('work in the middle', 60, async () => (await chunkRows(id)).some(({ state }) => state === 'leased'), 20);
  expect((await userA.call('DELETE', `/api/sessions/${id}`)).status).toBe(204);
  await expect(userA.session(id)).rejects.toMatchObject({ status: 410, code: 'deleted' });
  const { 'content-length': _length, ...headers } = late.upload.headers;
  await fetch(late.upload.url, { method: 'PUT', headers, body: new Uint8Array(short[0]?.bytes ?? []) });
  await atRest();
  // Make the second purge due.
  const session = { TableName: output('SessionsTable'), Key: { session_id: id } };
  const was = (await db.send(new GetCommand(session))).Item;
  expect(Object.keys(was ?? {}).sort()).toEqual(
    ['created_at_ms', 'deleted_at_ms', 'due_at_ms', 'due_shard', 'expires_at_s', 'live', 'session_id', 'state', 'user_id'].sort(),
  );
  await db.send(
    new UpdateCommand({ ...session, UpdateExpression: 'SET due_at_ms = :past', ExpressionAttributeValues: { ':past': 1 } }),
  );
  await invoke('SessionKeeperName');
  expect(await chunkRows(id)).toEqual([]);
  expect((await keysBelow('users/')).filter((key) => key.includes(id))).toEqual([]);
});

test('the session of a dead recorder is completed automatically, and its uploaded chunks are transcribed [session.abandoned]', async () => {
  const { id } = await userA.createSession();
  const [, , third] = short;
  if (!third) throw new Error('the sample is too short');
  await userA.upload(id, 1, third);
  await userA.awaitChunks(id, 60, settled(1));
  const HALF_AN_HOUR_MS = 1_800_000;
  const row = { TableName: output('ChunksTable'), Key: { session_id: id, chunk_number: 1 } };
  await db.send(
    new UpdateCommand({
      ...row,
      UpdateExpression: 'SET uploaded_at_ms = uploaded_at_ms - :time',
      ExpressionAttributeValues: { ':time': HALF_AN_HOUR_MS },
    }),
  );
  await db.send(
    new UpdateCommand({
      TableName: output('SessionsTable'),
      Key: { session_id: id },
      UpdateExpression: 'SET due_at_ms = due_at_ms - :time, created_at_ms = created_at_ms - :time',
      ExpressionAttributeValues: { ':time': HALF_AN_HOUR_MS },
    }),
  );
  await invoke('SessionKeeperName');
  const transcript = await userA.awaitTranscript(id, 30);
  expect(transcript).toMatchObject({ status: 'completed', final: true });
  expect(await userA.session(id)).toMatchObject({ state: 'completed' });
});

test('a permanently failed chunk can be retried, and a range requested; both have priority [chunk.retry]', async () => {
  const { id } = await userA.createSession({ live: false });
  await userA.upload(id, 1, bytes('this is no audio'));
  const [first, second] = short;
  if (!first || !second) throw new Error('the sample is too short');
  await userA.upload(id, 2, second);
  await poll('the rows', 30, async () => (await chunkRows(id)).length === 2);
  const answer = await userA.call('POST', `/api/sessions/${id}/transcript/ranges`, { start: 0, end: 40 });
  expect(await answer.json()).toMatchObject({ status: 'queued', waitingFor: [1, 2] });
  const session = await userA.awaitChunks(id, 60, settled(2));
  expect(session.chunks.map(({ state }) => state)).toEqual(['dead', 'done']);
  await userA.call('POST', `/api/sessions/${id}/chunks/1/retry`, {});
  await userA.awaitChunks(id, 60, settled(2));
  expect((await chunkRows(id))[0]).toMatchObject({ state: 'dead', fence: 2 });
  await userA.complete(id, 2);
  const partial = await userA.awaitTranscript(id, 60);
  expect(partial.gaps.map(({ chunkNumber, reason }) => [chunkNumber, reason])).toEqual([
    [1, expect.stringContaining('unsupported-media')],
  ]);
});

test('pieces of one stream, with a header only in the first, become the whole text in any order [chunk.stream-pieces]', async () => {
  const whole = readFileSync(SAMPLE);
  const { id } = await userA.createSession({ language: 'en' });
  const cuts = [0, 0.3, 0.55, 0.8, 1].map((share) => Math.round(share * whole.length));
  const pieces = cuts.slice(1).map((end, i) => bytes(whole.subarray(cuts[i], end)));
  for (const n of [1, 3, 2, 4]) await userA.upload(id, n, pieces[n - 1] ?? bytes(''));
  await userA.complete(id, pieces.length);
  const transcript = await userA.awaitTranscript(id, 150);
  expect(transcript).toMatchObject({ status: 'completed', duration_seconds: expect.closeTo(125, 0) });
  expect(wordErrorRate(knownWords(), wordsOf(transcript.text))).toBeLessThan(MAX_WER);
});

test('the same bytes in another session of the same user are not billed again, those of another user are [cache.same-bytes]', async () => {
  const [chunk] = sampleChunks(10);
  if (!chunk) throw new Error('the sample is too short');
  const record = async (user: typeof userA) => {
    const { id } = await user.createSession({ language: 'en' });
    await user.upload(id, 1, chunk);
    await user.complete(id, 1);
    const { text } = await user.awaitTranscript(id, 60);
    const { Item } = await db.send(new GetCommand({ TableName: output('LedgerTable'), Key: { usage_id: `${id}#1#1` } }));
    return { text, audioSeconds: Item?.['audio_seconds'] };
  };
  const first = await record(userA);
  expect(first.audioSeconds).toBeGreaterThan(9);
  expect(await record(userA)).toEqual({ text: first.text, audioSeconds: 0 });
  expect((await record(userB)).audioSeconds).toBeGreaterThan(9);
});

test('silence, noise, a tone and music give no words, a complete session, and no further GPU start [transcript.silence]', async () => {
  const chord = (t: number): number =>
    [262, 330, 392, 523].reduce((sum, note) => sum + 0.05 * Math.sin(2 * Math.PI * note * t), 0) * (t % 0.5 < 0.4 ? 1 : 0);
  const sounds = [() => 0, () => 0.04 * (Math.random() - 0.5), (t: number) => 0.1 * Math.sin(2 * Math.PI * 440 * t), chord];
  const { id } = await userA.createSession();
  for (const [i, sound] of sounds.entries()) await userA.upload(id, i + 1, bytes(wav(sound), 'audio/wav'));
  await userA.complete(id, sounds.length);
  const transcript = await userA.awaitTranscript(id, 60);
  expect(transcript).toMatchObject({
    status: 'completed',
    text: '',
    segments: [],
    coverage: [{ start: 0, end: 40, kind: 'silence' }],
  });
  await atRest();
  const { epoch } = await poolRow();
  for (let pass = 0; pass < 2; pass++) await reap();
  await atRest();
  expect((await poolRow()).epoch).toBe(epoch);
});

test('ten concurrent recordings of three users have the right texts, and users cannot read those of others [session.many]', async () => {
  const users = [userA, userB, admin];
  const recordings = Array.from({ length: 10 }, (_, i) => ({ user: users[i % 3] ?? userA, from: i }));
  const sessions = await Promise.all(
    recordings.map(async ({ user, from }) => {
      const { id } = await user.createSession({ language: 'en' });
      const chunks = short.slice(from, from + 3);
      await Promise.all(chunks.map((chunk, i) => user.upload(id, i + 1, chunk)));
      await user.complete(id, chunks.length);
      return { id, user, from, count: chunks.length };
    }),
  );
  const texts = new Map<number, string>();
  for (const { id, user, from } of sessions) texts.set(from, (await user.awaitTranscript(id, 120)).text);
  for (const { id, from, count } of sessions) {
    const rows = await chunkRows(id);
    const textsOfRows = rows.flatMap(({ raw_text }) => (raw_text ? [raw_text] : []));
    expectTextOf(texts.get(from) ?? '', textsOfRows, id);
    // The second chunk of this recording is the first of the next one: the same text except for the effect of the lead-in.
    const next = sessions.find((other) => other.from === from + 1);
    if (next !== undefined && count > 1) {
      const first = (await chunkRows(next.id))[0]?.raw_text ?? '';
      expectTextOf(first, [rows[1]?.raw_text ?? '', ''], next.id);
    }
  }
  for (const { id, user } of sessions.filter(({ user }) => user !== userB))
    for (const call of ['', '/transcript', '/cache', '/cost'])
      await expect(userB.call('GET', `/api/sessions/${id}${call}`), user === admin ? 'admin' : 'a').rejects.toMatchObject({
        status: 403,
      });
});

test.each([
  ['TypeScript', process.execPath, 'record.ts'],
  ['Python', WORKER_PYTHON, 'record.py'],
  ['curl', 'sh', 'record.sh'],
])(
  'the %s example of docs/recording-clients.md uploads a recording and prints the text [clients.examples]',
  async (_language, command, example) => {
    const folder = mkdtempSync(join(host.temporary, 'example-'));
    const files = sampleChunks(10)
      .slice(0, 2)
      .map(({ bytes: content }, i) => {
        writeFileSync(join(folder, `${i}.webm`), content);
        return join(folder, `${i}.webm`);
      });
    const env = { ...process.env, CHUNKSCRIBE_URL: host.apiUrl, CHUNKSCRIBE_TOKEN: host.tokens.a };
    const { stdout } = await promisify(execFile)(command, [join(PROJECT, 'docs', 'examples', example), ...files], { env });
    const said = knownWords();
    expect(wordErrorRate(said.slice(0, wordsOf(stdout).length), wordsOf(stdout))).toBeLessThan(3 * MAX_WER);
  },
);
