/** Webhooks and mails about completed files and sessions, sent by the real functions. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as z from 'zod';
import { Deliveries, WebhookSecret } from '../../core/contracts/answers.ts';
import { readMails } from '../../host/mails.ts';
import { WORKER_PYTHON } from '../../host/paths.ts';
import { poll } from '../../host/poll.ts';
import { fileClient, sampleFile } from './file-client.ts';
import { checkInvariants } from './invariants.ts';
import { admin, atRest, host, sampleChunks, userB } from './support.ts';

interface Received {
  readonly headers: Record<string, string>;
  readonly body: string;
}
const received: Received[] = [];
let failures = 0;
const server = createServer((request, response) => {
  let body = '';
  request.on('data', (data: Buffer) => {
    body += data.toString();
  });
  request.on('end', () => {
    if (failures-- > 0) return response.writeHead(500).end();
    received.push({ headers: request.headers as Record<string, string>, body });
    return response.writeHead(204).end();
  });
});
const files = fileClient(userB);
const address = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
const told = (id: string): Received[] => received.filter(({ body }) => body.includes(id));
const deliveries = async () => Deliveries.parse(await (await userB.call('GET', '/api/webhook/deliveries')).json()).deliveries;

beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
afterAll(async () => {
  server.close();
  await userB.call('PUT', '/api/webhook', { url: null });
  await atRest();
  await checkInvariants();
});

const VERIFY = `
import json, sys
from standardwebhooks import Webhook
given = json.load(sys.stdin)
print(json.dumps(Webhook(given["secret"]).verify(given["body"].encode(), given["headers"])))
`;

test('the end of a file is delivered once, with a signature that both standard libraries verify, and again on replay [files.webhooks]', async () => {
  await userB.call('PUT', '/api/webhook', { url: address() });
  const { secret } = WebhookSecret.parse(await (await userB.call('POST', '/api/webhook/secret', {})).json());
  await userB.call('PUT', '/api/notifications', { fileCompleted: true });
  failures = 1; // the first attempt fails
  const good = await files.send(readFileSync(sampleFile(20, 'mp3')));
  const bad = await files.send(Buffer.from('no audio'.repeat(20)), { filename: 'broken.mp3', callbackUrl: address() });
  await files.follow(good, 120);
  await files.follow(bad, 120);
  await poll('both deliveries', 60, async () => told(good).length === 1 && told(bad).length === 1);

  const [message] = told(good);
  if (message === undefined) throw new Error('nothing came');
  const payload = new Webhook(secret).verify(message.body, message.headers);
  expect(payload).toMatchObject({ type: 'transcription.completed', data: { id: good, status: 'completed', error: null } });
  expect(JSON.parse(told(bad)[0]?.body ?? '')).toMatchObject({
    type: 'transcription.failed',
    data: { id: bad, error: expect.stringMatching(/^unsupported-media/) },
  });
  const { status, stdout, stderr } = spawnSync(WORKER_PYTHON, ['-c', VERIFY], {
    input: JSON.stringify({ secret, ...message }),
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
  expect(JSON.parse(stdout)).toEqual(payload);

  const list = await deliveries();
  expect(list).toMatchObject([{ state: 'delivered' }, { state: 'delivered' }]);
  expect(list.map(({ attempts }) => attempts).sort()).toEqual([1, 2]);
  const again = list.find(({ messageId }) => messageId === message.headers['webhook-id']);
  await userB.call('POST', `/api/webhook/deliveries/${again?.id}/replay`, {});
  await poll('the replayed delivery', 60, async () => told(good).length === 2);
  expect(told(good)[1]?.headers['webhook-id']).toBe(message.headers['webhook-id']);

  const text = await readMails(host);
  expect(text).toContain(`Job: ${good}`);
  expect(text).toContain('Your file could not be transcribed');
});

test('the end of a session is delivered; a private address is refused, and batch webhooks require an admin [files.webhooks]', async () => {
  await userB.call('PUT', '/api/webhook', { url: address() });
  const [chunk] = sampleChunks(10);
  const { id } = await userB.createSession();
  if (chunk !== undefined) await userB.upload(id, 1, chunk);
  await userB.complete(id, 1);
  await poll('the delivery', 120, async () => told(id).length === 1);
  expect(JSON.parse(told(id)[0]?.body ?? '')).toMatchObject({ type: 'session.completed', data: { id, status: 'completed' } });
  await expect(userB.call('PUT', '/api/webhook', { url: 'https://169.254.169.254/' })).rejects.toMatchObject({ status: 422 });
  await expect(files.create({ sizeBytes: 10, callbackUrl: 'https://10.0.0.1/' })).rejects.toMatchObject({ status: 422 });
  await expect(userB.call('PUT', '/api/webhook', { url: address(), batch: true })).rejects.toMatchObject({ status: 403 });

  await admin.call('PUT', '/api/webhook', { url: address(), batch: true });
  const run = z.object({ id: z.string() }).parse(await (await admin.call('POST', '/api/batch/runs', {})).json());
  await poll('the end of the batch', 120, async () => told(run.id).length === 1);
  expect(JSON.parse(told(run.id)[0]?.body ?? '')).toMatchObject({ type: 'batch.finished', data: { status: 'skipped' } });
  await admin.call('PUT', '/api/webhook', { url: null });
});
