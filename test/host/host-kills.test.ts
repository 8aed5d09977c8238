/** A short sample of `npm run proof -- kills-host`. */
import { expect, test } from 'vitest';
import { hostKills } from '../../bench/host-kills.ts';
import { randomFrom } from '../../bench/kills.ts';

test('after kills of its processes at random, and a full disk, the host starts and has everything that it answered [host.durable]', {
  timeout: 900_000, // after a kill, some work waits for leases and repeated messages
}, async () => {
  const result = await hostKills(2, randomFrom(Date.now()));
  expect(result.lost).toEqual([]);
  expect(result.uploads).toBeGreaterThan(0);
});
