/** Who is told what, how often, signed by what; and which addresses nobody may have called. */
import { expect, test } from 'vitest';
import { RETRY_SECONDS } from '../../core/contracts/webhooks.ts';
import { checkWebhookUrl, mayConnect } from '../../core/webhooks/address.ts';
import { type Ending, replay, tell } from '../../core/webhooks/outbox.ts';
import { rotateSecret, setWebhook, viewWebhook } from '../../core/webhooks/settings.ts';
import { webhookWorld } from '../support/webhook-world.ts';

const USER = 'user-1';
const URL_A = 'https://a.example.com/hook';
const ending = (n = 1, more: Partial<Ending> = {}): Ending => ({
  event: 'transcription.completed',
  userId: USER,
  subject: ['job', n],
  atMs: 1_770_000_000_000,
  data: { id: `job ${n}` },
  ...more,
});

test('an end that is told many times is one message, to the user’s address and the job’s own', async () => {
  const w = webhookWorld();
  await setWebhook(w, USER, URL_A, false);
  for (let i = 0; i < 3; i++) await tell(w, ending(1, { callbackUrl: 'https://b.example.com/' }));
  await w.pass(60);
  expect(w.received.map(({ url }) => url).sort()).toEqual([URL_A, 'https://b.example.com/']);
  expect(new Set(w.received.map(({ messageId }) => messageId)).size).toBe(1);
  expect(w.received[0]?.body).toEqual({
    type: 'transcription.completed',
    timestamp: '2026-02-02T02:40:00.000Z',
    data: { id: 'job 1' },
  });
  await tell(w, ending(2));
  await w.pass(60);
  expect(new Set(w.received.map(({ messageId }) => messageId)).size).toBe(2);
});

test('nobody is told who did not ask for it; of batches only who asked for those', async () => {
  const w = webhookWorld();
  expect(await tell(w, ending())).toBe(0);
  await setWebhook(w, USER, URL_A, false);
  expect(await tell(w, ending(1, { event: 'batch.finished' }))).toBe(0);
  await setWebhook(w, USER, URL_A, true);
  expect(await w.webhooks.batchListeners()).toEqual([USER]);
  expect(await tell(w, ending(1, { event: 'batch.finished' }))).toBe(1);
  await setWebhook(w, USER, null, true);
  expect(await w.webhooks.batchListeners()).toEqual([]);
  expect(await tell(w, ending(5))).toBe(0);
});

test('a receiver that is down is tried again on schedule, ten times, with one id; then it is listed as failed', async () => {
  const w = webhookWorld((_message, count) => (count % 2 ? { status: 500 } : { error: 'the connection failed (ECONNREFUSED)' }));
  await setWebhook(w, USER, URL_A, false);
  await tell(w, ending());
  await w.pass(5 * 86_400);
  expect(w.received).toHaveLength(1 + RETRY_SECONDS.length);
  expect(new Set(w.received.map(({ messageId }) => messageId)).size).toBe(1);
  const waits = w.received.slice(1).map(({ atMs }, i) => (atMs - (w.received[i]?.atMs ?? 0)) / 1000);
  for (const [i, wait] of waits.entries()) {
    expect(wait).toBeGreaterThanOrEqual(RETRY_SECONDS[i] ?? 0);
    expect(wait).toBeLessThanOrEqual((RETRY_SECONDS[i] ?? 0) * 1.1 + 60); // jitter, and the minute that finds long waits
  }
  expect(await w.webhooks.listOf(USER, 10)).toMatchObject([{ state: 'failed', attempts: 10 }]);
  expect(await w.webhooks.listDue(Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
});

test('one that comes back gets its message; a redirect is no delivery', async () => {
  const w = webhookWorld((_message, count) => ({ status: count < 3 ? 302 : 204 }));
  await setWebhook(w, USER, URL_A, false);
  await tell(w, ending());
  await w.pass(3600);
  expect(await w.webhooks.listOf(USER, 10)).toMatchObject([{ state: 'delivered', attempts: 3, last_status: 204 }]);
  expect(w.received).toHaveLength(3);
});

test('two senders make one attempt; one that dies in it is followed by the minute', async () => {
  const w = webhookWorld();
  await setWebhook(w, USER, URL_A, false);
  await tell(w, ending());
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
  await tell(dying, ending());
  await expect(Promise.all(dying.deliver())).rejects.toThrow('killed');
  dying.loseQueue();
  await dying.pass(120);
  expect(dying.received).toHaveLength(1);
});

test('a message is sent again by hand with the id that it had', async () => {
  const w = webhookWorld();
  await setWebhook(w, USER, URL_A, false);
  await tell(w, ending());
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
  await tell(w, ending(1));
  await w.pass(60);
  await w.pass(86_400);
  await tell(w, ending(2));
  await w.pass(60);
  expect(w.received.map(({ secrets }) => secrets.length)).toEqual([2, 1]);
  expect(w.received[1]?.secrets).toEqual([row.secrets[0]?.secret]);
});

test.each([
  'http://example.com/',
  'https://localhost/',
  'https://127.0.0.1/',
  'https://127.1/',
  'https://2130706433/',
  'https://0x7f000001/',
  'https://0177.0.0.1/',
  'https://[::1]/',
  'https://[::ffff:127.0.0.1]/',
  'https://[::ffff:7f00:1]/',
  'https://10.1.2.3/',
  'https://172.16.0.1/',
  'https://192.168.1.1/',
  'https://169.254.169.254/latest/meta-data/',
  'https://[fd00:ec2::254]/',
  'https://[fe80::1]/',
  'https://[64:ff9b::7f00:1]/',
  'https://[2002:7f00:1::]/',
  'https://0.0.0.0/',
  'https://100.64.0.1/',
  'https://224.0.0.1/',
  'https://255.255.255.255/',
  'https://printer/',
  'https://db.internal/',
  'https://x.localhost/',
  'https://user:password@example.com/',
  'ftp://example.com/',
  'file:///etc/passwd',
])('%s is refused', (url) => {
  expect(() => checkWebhookUrl(url, { allowLoopback: false })).toThrow(/cannot be called/);
});

test('public names and addresses are taken; loopback on the local host only', () => {
  for (const url of [
    'https://example.com/',
    'https://hooks.example.com:8443/x?y=z',
    'https://93.184.216.34/',
    'https://[2606:4700::1111]/',
  ])
    expect(checkWebhookUrl(url, { allowLoopback: false }).href).toBe(new URL(url).href);
  for (const url of ['http://127.0.0.1:9/x', 'http://localhost:9/', 'http://[::1]:9/'])
    expect(checkWebhookUrl(url, { allowLoopback: true }).href).toBe(url);
  for (const url of ['http://10.0.0.1/', 'http://example.com/', 'https://192.168.0.1/'])
    expect(() => checkWebhookUrl(url, { allowLoopback: true })).toThrow();
  expect(mayConnect('93.184.216.34', { allowLoopback: false })).toBe(true);
  expect(mayConnect('::ffff:10.0.0.1', { allowLoopback: true })).toBe(false);
  expect(mayConnect('no address', { allowLoopback: true })).toBe(false);
});
