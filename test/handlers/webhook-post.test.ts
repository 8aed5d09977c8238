/** Delivery attempts over real local sockets: signature, address guard and limits. */
import { type LookupAddress, lookup } from 'node:dns';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { afterEach, expect, test } from 'vitest';
import type { DeliveryRow } from '../../core/contracts/webhooks.ts';
import { webhookPost } from '../../lambdas/adapters/webhook-post.ts';

const SECRETS = ['one', 'two'].map((name) => `whsec_${Buffer.from(`${name} and so many bytes more`).toString('base64')}`);
const servers: (() => void)[] = [];
afterEach(() => {
  for (const close of servers.splice(0)) close();
});

async function receiver(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ port: number; hits: () => number }> {
  let hits = 0;
  const server = createServer((request, response) => {
    hits += 1;
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, hits: () => hits };
}

const row = (url: string): DeliveryRow => ({
  user_id: 'u',
  id: 'dlv',
  version: 1,
  message_id: 'msg_1',
  event: 'transcription.completed',
  url,
  body: '{"type":"transcription.completed"}',
  state: 'pending',
  created_at_ms: 0,
  attempts: 1,
  busy_until_ms: 0,
  expires_at_s: 0,
});
const post = webhookPost({ allowLoopback: true }, () => new Date());

test('the standard library verifies a delivery with either secret, and rejects a modified one [files.webhooks]', async () => {
  let got: { headers: Record<string, string>; body: string } | undefined;
  const { port } = await receiver((request, response) => {
    let body = '';
    request.on('data', (data: Buffer) => {
      body += data.toString();
    });
    request.on('end', () => {
      got = { headers: request.headers as Record<string, string>, body };
      response.writeHead(204).end();
    });
  });
  expect(await post(row(`http://127.0.0.1:${port}/hook`), SECRETS)).toEqual({ status: 204 });
  for (const secret of SECRETS)
    expect(new Webhook(secret).verify(got?.body ?? '', got?.headers ?? {})).toEqual({ type: 'transcription.completed' });
  expect(() => new Webhook(SECRETS[0] ?? '').verify(`${got?.body} `, got?.headers ?? {})).toThrow();
});

test('a redirect is returned as a response and not followed', async () => {
  const inner = await receiver((_request, response) => response.end('secret'));
  const { port } = await receiver((_request, response) =>
    response.writeHead(302, { location: `http://127.0.0.1:${inner.port}/` }).end(),
  );
  expect(await post(row(`http://127.0.0.1:${port}/`), SECRETS)).toEqual({ status: 302 });
  expect(inner.hits()).toBe(0);
});

test.each([
  ['120', 120],
  ['Mon, 30 Nov 2026 00:01:00 GMT', 60],
  ['soon', undefined],
])('a 503 with Retry-After: %s delays the next attempt by %s seconds', async (header, retryAfterSeconds) => {
  const { port } = await receiver((_request, response) => response.writeHead(503, { 'retry-after': header }).end());
  const at = webhookPost({ allowLoopback: true }, () => new Date('2026-11-30T00:00:00Z'));
  expect(await at(row(`http://127.0.0.1:${port}/`), SECRETS)).toEqual({ status: 503, retryAfterSeconds });
});

test('an endless response is cut off', async () => {
  let sent = 0;
  const { port } = await receiver((_request, response) => {
    const more = (): void => {
      sent += 16_384;
      if (!response.destroyed && sent < 50_000_000) response.write(Buffer.alloc(16_384), more);
    };
    response.writeHead(200);
    more();
  });
  expect(await post(row(`http://127.0.0.1:${port}/`), SECRETS)).toEqual({ status: 200 });
  expect(sent).toBeLessThan(50_000_000);
});

test('a refused connection is a readable error without the address', async () => {
  const { port } = await receiver(() => undefined);
  for (const close of servers.splice(0)) close();
  expect(await post(row(`http://127.0.0.1:${port}/`), SECRETS)).toEqual({ error: 'the connection failed (ECONNREFUSED)' });
});

test('a missing response times out', async () => {
  const { port } = await receiver(() => undefined);
  const hasty = webhookPost({ allowLoopback: true }, () => new Date(), { resolve: lookup, timeoutMs: 100 });
  expect(await hasty(row(`http://127.0.0.1:${port}/`), SECRETS)).toEqual({ error: 'no response within 15 s' });
});

test('a public name that resolves to a private address is not connected to, even if only one of its addresses is private [files.webhooks]', async () => {
  const { port, hits } = await receiver((_request, response) => response.end());
  let asked = 0;
  const leading = (...addresses: string[]) =>
    webhookPost({ allowLoopback: false }, () => new Date(), {
      timeoutMs: 5000,
      resolve: ((_name: string, _options: unknown, callback: (error: null, found: LookupAddress[]) => void) => {
        asked += 1;
        callback(
          null,
          addresses.map((address) => ({ address, family: 4 })),
        );
      }) as unknown as typeof lookup,
    });
  for (const addresses of [['127.0.0.1'], ['93.184.216.34', '127.0.0.1'], ['10.0.0.1'], []])
    expect(await leading(...addresses)(row(`https://rebind.example.com:${port}/`), SECRETS)).toEqual({
      error: 'the address is not public',
    });
  expect([asked, hits()]).toEqual([4, 0]);
});

test('if loopback is not allowed, no notation of it and no name that resolves to it is connected to', async () => {
  const { port, hits } = await receiver((_request, response) => response.end());
  const strict = webhookPost({ allowLoopback: false }, () => new Date());
  for (const host of ['127.0.0.1', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]', 'localhost'])
    expect(await strict(row(`https://${host}:${port}/`), SECRETS), host).toEqual({ error: 'the address is not public' });
  expect(hits()).toBe(0);
});
