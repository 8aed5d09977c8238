/** Rate limits per user. test/web/rates.test.ts covers usage that is never limited. */
import { expect, test } from 'vitest';
import { CALLS } from '../../core/contracts/calls/all.ts';
import { COUNTED, PER_MINUTE, tokenBuckets, UNCOUNTED } from '../../core/quota/quota.ts';
import { limits } from '../../lambdas/runtime/limits.ts';
import { accessClaims } from '../support/api-event.ts';
import { recordingWorld } from '../support/recording-world.ts';

test('every call that changes something is counted in the table, except settings and pure computations [api.quota]', () => {
  expect(Object.keys(COUNTED).filter((route) => CALLS[route] === undefined)).toEqual([]);
  expect(Object.keys(CALLS).filter((route) => !route.startsWith('GET') && COUNTED[route] === undefined)).toEqual([
    'PUT /api/recording-defaults',
    'PATCH /api/sessions/{id}',
    'PUT /api/sessions/{id}/transcript/edits',
    'PUT /api/sessions/{id}/notes/{note}',
    'DELETE /api/sessions/{id}/notes/{note}',
    'PUT /api/sessions/{id}/speakers',
    'POST /api/sessions/{id}/speakers/assign',
    'POST /api/sessions/{id}/speakers',
    'POST /api/known-voices',
    'DELETE /api/known-voices',
    'DELETE /api/known-voices/{id}',
    'PUT /api/transcriptions/{id}/speakers',
    'POST /api/transcriptions/{id}/speakers/assign',
    'POST /api/batch/unlock',
    'DELETE /api/batch/locks/{id}',
    'PUT /api/batch/schedule',
    'PUT /api/notifications',
    'PUT /api/webhook',
    'POST /api/webhook/secret',
  ]);
});

test('a function with counted calls does not start without a usage counter', () => {
  expect(() => limits(['GET /api/sessions', 'POST /api/sessions'], { nowMs: () => 0 })).toThrow('POST /api/sessions');
});

test('a flood of reads by one user gets a 429, and works again after Retry-After; other users are not affected [api.quota]', async () => {
  const w = await recordingWorld();
  for (let n = 0; n < UNCOUNTED.burst; n++) expect((await w.call('GET /api/sessions')).status).toBe(200);
  const refused = await w.call('GET /api/sessions');
  expect(refused).toMatchObject({
    status: 429,
    headers: { 'content-type': 'application/problem+json', 'retry-after': '1' },
    body: { code: 'too-many', status: 429 },
  });
  expect(await w.call('GET /api/sessions', { claims: accessClaims('other') })).toMatchObject({ status: 200 });
  w.clock.ms += 1000 * Number(refused.headers?.['retry-after']);
  for (let n = 0; n < UNCOUNTED.perSecond; n++) expect((await w.call('GET /api/sessions')).status).toBe(200);
  expect((await w.call('GET /api/sessions')).status).toBe(429);
});

test('retries, completions and corrections of one user are counted across all functions [api.quota]', async () => {
  const w = await recordingWorld();
  for (let n = 0; n < PER_MINUTE.action; n++) await w.call('POST /api/sessions/{id}/complete', { body: { chunkCount: 0 } });
  for (const [route, more] of [
    ['POST /api/sessions/{id}/complete', { body: { chunkCount: 0 } }],
    ['POST /api/sessions/{id}/chunks/{n}/retry', { n: '1' }],
    ['DELETE /api/sessions/{id}', {}],
  ] as const)
    expect(await w.call(route, more), route).toMatchObject({ status: 429, headers: { 'retry-after': '60' } });
  const put = () => w.call('PUT /api/corrections', { body: { rules: [], targetWords: [] } });
  for (let n = 0; n < PER_MINUTE.corrections; n++) expect((await put()).status).toBe(200);
  expect(await put()).toMatchObject({ status: 429 });
});

test('the number of remembered users is limited: the least recently active ones are evicted', () => {
  const take = tokenBuckets({ perSecond: 1, burst: 1, users: 2 });
  take('a', 0);
  take('b', 0);
  expect(() => take('a', 0)).toThrow('too many requests');
  take('c', 0); // evicts b, because a has called since
  expect(() => take('a', 0)).toThrow();
  take('b', 0);
});

test('a clock that moves backwards adds no tokens', () => {
  const take = tokenBuckets({ perSecond: 1, burst: 1, users: 2 });
  take('a', 10_000);
  expect(() => take('a', 5_000)).toThrow();
  expect(() => take('a', 10_500)).toThrow();
  take('a', 11_000);
});
