/** Addresses that webhooks may call: one table, shared with the Python guard (gpu-worker/tests/test_callback_addresses.py). */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { checkDeliveryUrl, checkWebhookUrl, mayConnect } from '../../core/webhooks/address.ts';

const refused = z.string().nullable();
const Entry = z.object({ url: z.string(), refused });
const Table = z.object({
  urls: z.array(Entry),
  urlsWhereLoopbackIsAllowed: z.array(Entry),
  resolvedNames: z.array(z.object({ addresses: z.array(z.string()), refused })),
});
const table = Table.parse(JSON.parse(readFileSync(new URL('../fixtures/webhook-addresses.json', import.meta.url), 'utf8')));

test.each(table.urls)('$url: $refused [files.webhooks]', ({ url, refused: why }) => {
  const check = () => checkWebhookUrl(url, { allowLoopback: false, ports: [] });
  if (why === null) expect(check).not.toThrow();
  else expect(check).toThrow(/cannot be called/);
});

test.each(table.urlsWhereLoopbackIsAllowed)('$url on the local host: $refused', ({ url, refused: why }) => {
  const check = () => checkWebhookUrl(url, { allowLoopback: true, ports: [] });
  if (why === null) expect(check).not.toThrow();
  else expect(check).toThrow(/cannot be called/);
});

test.each(table.resolvedNames)('a name that resolves to $addresses: $refused', ({ addresses, refused: why }) => {
  expect(addresses.length > 0 && addresses.every((address) => mayConnect(address, { allowLoopback: false }))).toBe(why === null);
});

test('ports that the stage configures are allowed; the error for other ports lists the allowed ones', () => {
  const rules = { allowLoopback: false, ports: [8443] };
  expect(checkWebhookUrl('https://example.com:8443/', rules).port).toBe('8443');
  expect(() => checkWebhookUrl('https://example.com:8444/', rules)).toThrow(/443, 8443/);
  expect(() => checkWebhookUrl('https://10.0.0.1:8443/', rules)).toThrow(/public/);
});

test('an address that was saved before ports were checked still gets deliveries, unless it is not public', () => {
  expect(checkDeliveryUrl('https://hooks.example.com:8443/x?y=z', { allowLoopback: false }).port).toBe('8443');
  expect(() => checkDeliveryUrl('https://[::127.0.0.1]:8443/', { allowLoopback: false })).toThrow(/public/);
});

test('an invalid address is refused', () => {
  expect(mayConnect('no address', { allowLoopback: true })).toBe(false);
});
