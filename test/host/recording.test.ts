/** Recordings with the real template, functions, worker and model. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import * as z from 'zod';
import { ChunkTranscript } from '../../core/contracts/transcript.ts';
import { wordErrorRate, wordsOf } from '../../host/word-error-rate.ts';
import { checkInvariants } from './invariants.ts';
import {
  allStopped,
  atRest,
  chunkRows,
  host,
  keysBelow,
  knownWords,
  readObject,
  sampleChunks,
  sessionInTheMiddle,
  settled,
  uniqueCopy,
  userA,
  workerPid,
} from './support.ts';

const chunks = sampleChunks();
const MAX_WER = 0.08;
const RangeAnswer = z.object({ text: z.string(), coverage: z.number(), source: z.string() });

afterAll(async () => {
  await atRest();
  await checkInvariants();
});

test('chunks uploaded in any order, one of them twice, become the whole text; then the machine is stopped [gpu.started-and-stopped, recording.order]', async () => {
  const { id } = await userA.createSession({ title: 'Any order', language: 'en' });
  for (const n of [5, 2, 4, 1, 3]) {
    const chunk = chunks[n - 1];
    if (chunk !== undefined) expect((await userA.upload(id, n, chunk)).status).toBe(200);
  }
  const again = chunks[1];
  const twice = again && (await userA.upload(id, 2, again).catch((error: { code?: string }) => error.code));
  expect(typeof twice === 'string' ? twice : twice?.status).toSatisfy((answer) => answer === 'chunk-exists' || answer === 412);
  await userA.complete(id, 5);
  const transcript = await userA.awaitTranscript(id, 120);

  expect(transcript).toMatchObject({ status: 'completed', language: 'en', gaps: [], duration_seconds: expect.closeTo(125, 0) });
  expect(wordErrorRate(knownWords(), wordsOf(transcript.text))).toBeLessThan(MAX_WER);
  const rows = await chunkRows(id);
  expect(rows.map(({ state, attempts, fence }) => [state, attempts, fence])).toEqual(rows.map(() => ['done', 1, 1]));

  const prefix = rows[0]?.object_key.replace(/chunk-.*/, '') ?? '';
  const second = ChunkTranscript.parse(JSON.parse(await readObject(`${prefix}transcription-chunk-002.json`)));
  expect(second).toMatchObject({ sessionId: id, chunkNumber: 2, model: 'protocol.en' });
  expect(transcript.text).toContain(second.text);
  expect((await keysBelow(prefix)).filter((key) => key.includes('/results/'))).toHaveLength(5);

  expect(await userA.transcriptAs(id, 'txt')).toBe(`${transcript.text}\n`);
  expect(await userA.transcriptAs(id, 'srt')).toMatch(/^1\n00:00:0\d,\d{3} --> 00:00:\d\d,\d{3}\n\w/);
  expect(await userA.transcriptAs(id, 'vtt')).toMatch(/^WEBVTT\n\n00:00:0/);
  const range = RangeAnswer.parse(await (await userA.call('GET', `/api/sessions/${id}/transcript?start=0&end=10`)).json());
  expect(range).toMatchObject({ coverage: 1, source: 'cache' });
  expect(transcript.text.startsWith(range.text)).toBe(true);

  await atRest();
  expect(await allStopped()).toBe(true);
});

test('a missing chunk makes the transcript partial with a gap; a late chunk completes it [recording.gaps]', async () => {
  const { id } = await userA.createSession();
  const [first, second, third] = chunks.map(uniqueCopy);
  if (!first || !second || !third) throw new Error('the sample is too short');
  await userA.upload(id, 1, first);
  await userA.upload(id, 3, third);
  await userA.complete(id, 3);
  const partial = await userA.awaitTranscript(id, 120);
  expect(partial).toMatchObject({ status: 'partial', gaps: [{ chunkNumber: 2, reason: 'never uploaded' }] });
  expect((await userA.session(id)).holes).toEqual([2]);

  await userA.upload(id, 2, second);
  await expect.poll(async () => (await userA.transcript(id)).status).toBe('completed');
  const whole = await userA.transcript(id);
  expect(whole.text.length).toBeGreaterThan(partial.text.length);
});

test('another recording has another text [recording.real]', async () => {
  const { id } = await userA.createSession();
  const last = chunks[3];
  if (!last) throw new Error('the sample is too short');
  await userA.upload(id, 1, uniqueCopy(last));
  await userA.complete(id, 1);
  const { text } = await userA.awaitTranscript(id, 120);
  expect(wordsOf(text)).not.toEqual(knownWords().slice(0, wordsOf(text).length));
  expect(text).toContain('yankee india india hotel');
});

/** Ends the worker with a signal in the middle of a session, and waits until all its chunks have ended. */
async function endWorker(signal: 'SIGKILL' | 'SIGTERM', timeoutSeconds: number) {
  const { id, count } = await sessionInTheMiddle();
  const pid = await workerPid();
  process.kill(pid, signal);
  await userA.complete(id, count);
  const { chunks } = await userA.awaitChunks(id, timeoutSeconds, settled(count));
  return { id, count, pid, chunks };
}

test('after kill -9, the next worker transcribes the claimed chunks; none is lost or transcribed twice [worker.killed]', async () => {
  const { id, count, pid, chunks } = await endWorker('SIGKILL', 170);
  expect(chunks.every(({ state }) => state === 'done')).toBe(true);
  expect(chunks.every(({ attempts }) => attempts === 1)).toBe(true); // a killed worker counts no failed attempt
  expect((await chunkRows(id)).some(({ fence, suspect }) => fence > 1 && suspect)).toBe(true);
  expect(await workerPid().catch(() => 0)).not.toBe(pid);
  const transcript = await userA.awaitTranscript(id, 60);
  expect(transcript).toMatchObject({ status: 'completed', gaps: [] });
  expect(transcript.chunks).toHaveLength(count);
});

test('on SIGTERM, the worker releases its chunks at once, without a failed attempt [worker.stopped]', async () => {
  const { pid, chunks } = await endWorker('SIGTERM', 60);
  expect(chunks.map(({ state, attempts }) => [state, attempts])).toEqual(chunks.map(() => ['done', 1]));
  expect(await workerPid()).not.toBe(pid);
});

test('logs contain no transcript text, token or signed URL [security.logs]', async () => {
  const logs = readdirSync(join(host.root, 'logs')).map((name) => readFileSync(join(host.root, 'logs', name), 'utf8'));
  expect(logs.length).toBeGreaterThan(1);
  for (const log of logs) {
    for (const secret of ['fifty juliet', 'yankee india india hotel', host.tokens.a, 'X-Amz-Signature'])
      expect(log.includes(secret)).toBe(false);
  }
});
