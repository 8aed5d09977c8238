/** Regression tests against the real API: harmful input that was accepted once is refused, and documented limits are accepted. */
import { afterEach, expect, test } from 'vitest';
import { ApiError } from '../../host/recording-client.ts';
import { bytes, chunkRows, userA } from './support.ts';

const refusal = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'accepted',
    (error: unknown) => {
      if (error instanceof ApiError) return { status: error.status, code: error.code };
      throw error;
    },
  );
const INVALID = { status: 422, code: 'invalid' };
const put = (body?: object) => userA.call('PUT', '/api/corrections', body);

afterEach(async () => {
  await put({ rules: [], targetWords: [] });
});

test('an unpaired surrogate in a title, a chunk number in another notation and a far too large chunk count are refused [doors.as-described]', async () => {
  expect(await refusal(userA.createSession({ title: 'x\ud800' }))).toEqual(INVALID);
  const { id } = await userA.createSession({ live: false });
  for (const n of ['0x1', '1e0', '%201', '+1', '01', '1.0', '9'.repeat(400)])
    expect([n, await refusal(userA.call('POST', `/api/sessions/${id}/chunks/${n}/retry`))]).toEqual([n, INVALID]);
  expect(await refusal(userA.complete(id, 99_999))).toEqual(INVALID);
  expect((await userA.session(id)).state).toBe('recording');
});

test('corrections of the documented size are saved and read; a missing body erases nothing; an older version is a conflict [corrections.limits]', async () => {
  const rule = { kind: 'literal', match: '😀'.repeat(500), replace: '語'.repeat(500), caseSensitive: true };
  const rules = Array.from({ length: 500 }, () => rule);
  const { version } = (await (await put({ rules })).json()) as { version: number };
  expect(await refusal(put())).toEqual(INVALID);
  await put({ targetWords: ['hello'] });
  expect(await (await userA.call('GET', '/api/corrections')).json()).toMatchObject({
    rules,
    targetWords: ['hello'],
    version: version + 1,
  });
  expect(await refusal(put({ rules: [], version }))).toEqual({ status: 409, code: 'corrections-changed' });
});

test('rules that take too long are refused by number [corrections.limits]', async () => {
  const nested = (index: number) => ({ kind: 'regex', match: `(((\\w|\\s){10}){10}){10}Z${index}`, replace: '' });
  const refused = await put({ rules: Array.from({ length: 500 }, (_, index) => nested(index)) }).catch((error: unknown) => error);
  expect(String(refused)).toContain('rule 1 is too slow');
});

/** An 8-bit mono WAV file. */
function wav(rateHz: number, seconds: number): Buffer {
  const samples = Buffer.alloc(rateHz * seconds, 128);
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + samples.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  for (const [at, value] of [
    [20, 1],
    [22, 1],
    [32, 1],
    [34, 8],
  ] as const)
    head.writeUInt16LE(value, at);
  head.writeUInt32LE(rateHz, 24);
  head.writeUInt32LE(rateHz, 28);
  head.write('data', 36);
  head.writeUInt32LE(samples.length, 40);
  return Buffer.concat([head, samples]);
}

test('a kilobyte that claims to contain ten minutes is refused as audio [doors.sample-rates]', async () => {
  const { id } = await userA.createSession();
  await userA.upload(id, 1, bytes(wav(2, 600), 'audio/wav'));
  await userA.awaitChunks(id, 120, ({ chunks }) => chunks[0]?.state === 'dead');
  const [row] = await chunkRows(id);
  expect(row?.error_message).toMatch(/^unsupported-media: the sample rate is 2 Hz/);
});
