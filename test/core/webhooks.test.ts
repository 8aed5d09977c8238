/** Which events are sent to which addresses, how often, and signed with which secrets. */
import { expect, test } from 'vitest';
import { MAX_DEFERRALS, RETRY_SECONDS } from '../../core/contracts/webhooks.ts';
import { createDeliveries, type EndEvent, replay, reportSessionEnd, settingsOf } from '../../core/webhooks/outbox.ts';
import { retryAfterSeconds } from '../../core/webhooks/retry-after.ts';
import { enqueueDue } from '../../core/webhooks/send.ts';
import { checkSetting, rotateSecret, setWebhook, viewDelivery, viewWebhook } from '../../core/webhooks/settings.ts';
import { containment } from '../support/containment.ts';
import { sessionRow } from '../support/rows.ts';
import { webhookWorld } from '../support/webhook-world.ts';

const USER = 'user-1';
const URL_A = 'https://a.example.com/hook';
const endEvent = (n = 1, more: Partial<EndEvent> = {}): EndEvent => ({
  event: 'transcription.completed',
  userId: USER,
  subject: ['job', n],
  atMs: 1_770_000_000_000,
  data: { id: `job ${n}` },
  ...more,
});

test('an end that is reported repeatedly is one message, to the address of the user and that of the job', async () => {
  const w = webhookWorld();
  await setWebhook(w, USER, URL_A, false);
  for (let i = 0; i < 3; i++) await createDeliveries(w, endEvent(1, { callbackUrl: 'https://b.example.com/' }));
  await w.pass(60);
  expect(w.received.map(({ url }) => url).sort()).toEqual([URL_A, 'https://b.example.com/']);
  expect(new Set(w.received.map(({ messageId }) => messageId)).size).toBe(1);
  expect(w.received[0]?.body).toEqual({
    type: 'transcription.completed',
    timestamp: '2026-02-02T02:40:00.000Z',
    data: { id: 'job 1' },
  });
  await createDeliveries(w, endEvent(2));
  await w.pass(60);
  expect(new Set(w.received.map(({ messageId }) => messageId)).size).toBe(2);
});

test('a recording that goes on is reported again when it ends again, and only then', async () => {
  const w = webhookWorld();
  await setWebhook(w, USER, URL_A, false);
  const ended = { state: 'completed', transcript_status: 'completed', transcript_written_at_ms: 5, completed_at_ms: 4 } as const;
  const session = { user_id: USER, chunk_count: 1 };
  const ends = [
    { ...session, ...ended },
    { ...session, ...ended },
    { ...session, state: 'recording', resumptions: 1 },
    { ...session, ...ended, resumptions: 1, chunk_count: 2 },
  ] as const;
  for (const end of ends) await reportSessionEnd(w, sessionRow(end));
  await w.pass(60);
  expect(w.received.map(({ body }) => (body as { data: { chunkCount: number } }).data.chunkCount)).toEqual([1, 2]);
});

test('the message about a recording of which chunks are missing says so by its status, without any text [transcript.marks]', async () => {
  const w = webhookWorld();
  await setWebhook(w, USER, URL_A, false);
  const ended = { state: 'completed', transcript_status: 'partial', transcript_written_at_ms: 5, completed_at_ms: 4 } as const;
  await reportSessionEnd(w, sessionRow({ user_id: USER, chunk_count: 5, ...ended }));
  await w.pass(60);
  const { session_id: id } = sessionRow();
  expect(w.received.map(({ body }) => body)).toEqual([
    {
      type: 'session.completed',
      timestamp: '1970-01-01T00:00:00.004Z',
      data: { id, status: 'partial', chunkCount: 5, transcript: `/api/sessions/${id}/transcript` },
    },
  ]);
});

test('users without a webhook get no message; only subscribers get those of batch runs', async () => {
  const w = webhookWorld();
  expect(await createDeliveries(w, endEvent())).toBe(0);
  await setWebhook(w, USER, URL_A, false);
  expect(await createDeliveries(w, endEvent(1, { event: 'batch.finished' }))).toBe(0);
  await setWebhook(w, USER, URL_A, true);
  expect(await w.webhooks.batchSubscribers()).toEqual([USER]);
  expect(await createDeliveries(w, endEvent(1, { event: 'batch.finished' }))).toBe(1);
  await setWebhook(w, USER, null, true);
  expect(await w.webhooks.batchSubscribers()).toEqual([]);
  expect(await createDeliveries(w, endEvent(5))).toBe(0);
});

test('a delivery to a failing receiver is attempted ten times on schedule, with one id; then it is listed as failed [files.webhooks]', async () => {
  const w = webhookWorld((_message, count) => (count % 2 ? { status: 500 } : { error: 'the connection failed (ECONNREFUSED)' }));
  await setWebhook(w, USER, URL_A, false);
  await createDeliveries(w, endEvent());
  await w.pass(5 * 86_400);
  expect(w.received).toHaveLength(1 + RETRY_SECONDS.length);
  expect(new Set(w.received.map(({ messageId }) => messageId)).size).toBe(1);
  const waits = w.received.slice(1).map(({ atMs }, i) => (atMs - (w.received[i]?.atMs ?? 0)) / 1000);
  for (const [i, wait] of waits.entries()) {
    expect(wait).toBeGreaterThanOrEqual(RETRY_SECONDS[i] ?? 0);
    expect(wait).toBeLessThanOrEqual((RETRY_SECONDS[i] ?? 0) * 1.1 + 60); // jitter, and the schedule that finds long waits
  }
  expect(await w.webhooks.listOf(USER, 10)).toMatchObject([{ state: 'failed', attempts: 10 }]);
  expect(await w.webhooks.listDue(Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
});

test('a receiver that recovers gets its message; a redirect does not count as delivered', async () => {
  const w = webhookWorld((_message, count) => ({ status: count < 3 ? 302 : 204 }));
  await setWebhook(w, USER, URL_A, false);
  await createDeliveries(w, endEvent());
  await w.pass(3600);
  expect(await w.webhooks.listOf(USER, 10)).toMatchObject([{ state: 'delivered', attempts: 3, last_status: 204 }]);
  expect(w.received).toHaveLength(3);
});

test('two senders make one attempt; if a sender dies, the schedule repeats its attempt', async () => {
  const w = webhookWorld();
  await setWebhook(w, USER, URL_A, false);
  await createDeliveries(w, endEvent());
  const [row] = await w.webhooks.listOf(USER, 1);
  await w.enqueue(USER, row?.id ?? '', 0);
  expect((await Promise.all(w.deliver())).sort()).toEqual(['delivered', 'not-now']);

  const dying = webhookWorld();
  let dies = true;
  const post = dying.deps.post;
  Object.assign(dying.deps, {
    post: async (...args: Parameters<typeof post>) => {
      if (!dies) return post(...args);
      dies = false;
      throw new Error('killed');
    },
  });
  await setWebhook(dying, USER, URL_A, false);
  await createDeliveries(dying, endEvent());
  await expect(Promise.all(dying.deliver())).rejects.toThrow('killed');
  dying.loseQueue();
  await dying.pass(120);
  expect(dying.received).toHaveLength(1);
});

test('a replayed message has the same id', async () => {
  const w = webhookWorld();
  await setWebhook(w, USER, URL_A, false);
  await createDeliveries(w, endEvent());
  await w.pass(60);
  const [row] = await w.webhooks.listOf(USER, 1);
  await replay(w, USER, row?.id ?? '');
  await w.pass(60);
  expect(w.received.map(({ messageId }) => messageId)).toEqual([row?.message_id, row?.message_id]);
  await expect(replay(w, 'another user', row?.id ?? '')).rejects.toMatchObject({ code: 'not-found' });
});

test('a new secret signs beside the old one for a day', async () => {
  const w = webhookWorld();
  await setWebhook(w, USER, URL_A, false);
  const row = await rotateSecret(w, USER);
  expect(viewWebhook(row)).not.toHaveProperty('secret');
  await createDeliveries(w, endEvent(1));
  await w.pass(60);
  await w.pass(86_400);
  await createDeliveries(w, endEvent(2));
  await w.pass(60);
  expect(w.received.map(({ secrets }) => secrets.length)).toEqual([2, 1]);
  expect(w.received[1]?.secrets).toEqual([row.secrets[0]?.secret]);
});

test('410 disables the address: it gets no more messages, settings and deliveries show the reason, and saving it enables it again [files.webhooks]', async () => {
  let gone = true;
  const w = webhookWorld(({ url }) => ({ status: url === URL_A && gone ? 410 : 204 }));
  await setWebhook(w, USER, URL_A, true);
  await createDeliveries(w, endEvent(1));
  await w.pass(5 * 86_400);
  expect(w.received).toHaveLength(1);
  const view = viewWebhook(await settingsOf(w, USER));
  expect(view).toMatchObject({ url: URL_A, disabledSince: expect.stringMatching(/^2026-/) });
  expect((await w.webhooks.listOf(USER, 10)).map(viewDelivery)).toMatchObject([
    { state: 'failed', lastStatus: 410, lastError: expect.stringMatching(/410.*disabled/), nextAttemptAt: null },
  ]);
  expect(await createDeliveries(w, endEvent(2))).toBe(0);
  expect(await createDeliveries(w, endEvent(3, { event: 'batch.finished' }))).toBe(0);
  expect(await createDeliveries(w, endEvent(4, { callbackUrl: 'https://b.example.com/' }))).toBe(1); // other addresses still get messages

  gone = false;
  await rotateSecret(w, USER);
  expect(viewWebhook(await settingsOf(w, USER)).disabledSince).not.toBeNull();
  expect(viewWebhook(await setWebhook(w, USER, URL_A, false)).disabledSince).toBeNull();
  expect(await createDeliveries(w, endEvent(5))).toBe(1);
});

test('pending messages to a disabled address fail without another request, and so does a replay', async () => {
  const w = webhookWorld((_message, count) => ({ status: count === 1 ? 500 : 410 }));
  await setWebhook(w, USER, URL_A, false);
  await createDeliveries(w, endEvent(1));
  await w.deliver();
  await createDeliveries(w, endEvent(2));
  await w.pass(86_400);
  expect(w.received).toHaveLength(2);
  const rows = await w.webhooks.listOf(USER, 10);
  expect(rows.map(({ state, last_error }) => [state, /disabled/.test(last_error ?? '')])).toEqual([
    ['failed', true],
    ['failed', true],
  ]);
  await replay(w, USER, rows[0]?.id ?? '');
  await w.pass(60);
  expect(w.received).toHaveLength(2);
  expect(await w.webhooks.listDue(Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
});

test('410 from the address of a job, or from a replaced address, disables nothing', async () => {
  const w = webhookWorld(() => ({ status: 410 }));
  await setWebhook(w, USER, 'https://new.example.com/', false);
  await createDeliveries(w, endEvent(1, { callbackUrl: URL_A }));
  const settings = await settingsOf(w, USER);
  await setWebhook(w, USER, 'https://third.example.com/', false);
  await w.pass(86_400);
  expect(w.received).toHaveLength(2);
  expect(settings.url).toBe('https://new.example.com/');
  expect(viewWebhook(await settingsOf(w, USER))).toMatchObject({ url: 'https://third.example.com/', disabledSince: null });
});

test('Retry-After of a 429 or 503 replaces the next wait, within bounds, and does not shorten the schedule [files.webhooks]', async () => {
  const waits = async (retryAfterSeconds: number | undefined, status = 503) => {
    const w = webhookWorld((_message, count) => ({ status, ...(count <= 2 && { retryAfterSeconds }) }));
    await setWebhook(w, USER, URL_A, false);
    await createDeliveries(w, endEvent());
    await w.pass(10 * 86_400);
    expect(await w.webhooks.listOf(USER, 10)).toMatchObject([{ state: 'failed' }]);
    return w.received.slice(1).map(({ atMs }, i) => (atMs - (w.received[i]?.atMs ?? 0)) / 1000);
  };
  const near = (seconds: number) => expect.toSatisfy((wait: number) => wait >= seconds && wait <= 1.1 * seconds + 60);
  const schedule = RETRY_SECONDS.map(near);
  expect(await waits(120)).toEqual([near(120), near(120), ...schedule]);
  expect(await waits(120, 429)).toEqual([near(120), near(120), ...schedule]);
  expect(await waits(7 * 86_400)).toEqual([near(3600), near(3600), ...schedule]);
  expect(await waits(0)).toEqual([near(5), near(5), ...schedule]);
  expect(await waits(120, 500)).toEqual(schedule);
  expect(await waits(undefined)).toEqual(schedule);
});

test('a delivery whose receiver always postpones fails in the end', async () => {
  const w = webhookWorld(() => ({ status: 503, retryAfterSeconds: 1 }));
  await setWebhook(w, USER, URL_A, false);
  await createDeliveries(w, endEvent());
  await w.pass(10 * 86_400);
  expect(w.received).toHaveLength(1 + MAX_DEFERRALS + RETRY_SECONDS.length);
  expect(await w.webhooks.listOf(USER, 10)).toMatchObject([{ state: 'failed' }]);
});

test.each([
  ['120', 120],
  ['0', 0],
  [' 7 ', 7],
  ['Thu, 01 Jan 1970 00:02:00 GMT', 120],
  ['Wed, 31 Dec 1969 23:00:00 GMT', 0],
  ['-1', undefined],
  ['1.5', undefined],
  ['soon', undefined],
  ['', undefined],
  [undefined, undefined],
])('Retry-After: %s is %s seconds', (header, seconds) => {
  expect(retryAfterSeconds(header, 0)).toBe(seconds);
});

test('an address saved before ports were checked may be saved again; a new address with such a port is refused', async () => {
  const w = webhookWorld();
  const old = 'https://hooks.example.com:8443/';
  await setWebhook(w, USER, old, false);
  const rules = { allowLoopback: false, ports: [] };
  await expect(checkSetting(w, USER, old, rules)).resolves.toBeUndefined();
  await expect(checkSetting(w, USER, `${old}x`, rules)).rejects.toThrow(/port/);
});

test('a delivery whose message cannot be sent does not block other deliveries [pressure.contained]', async () => {
  const w = webhookWorld(() => ({ status: 500 }));
  await setWebhook(w, USER, URL_A, false);
  for (const n of [1, 2, 3]) await createDeliveries(w, endEvent(n));
  await Promise.all(w.deliver());
  const [first] = await w.webhooks.listDue(Number.POSITIVE_INFINITY, 1);
  const sent: string[] = [];
  const enqueue = async (_userId: string, id: string): Promise<void> => {
    if (id === first?.id) throw new Error('no such queue');
    sent.push(id);
  };
  const loop = containment();
  await enqueueDue({ ...w.deps, enqueue, nowMs: () => w.nowMs() + 3_600_000 }, loop);
  expect(sent).toHaveLength(2);
  expect(loop.failures).toEqual([`${first?.id}: no such queue`]);
});
