/** Polling by the pages. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { follow, type PollResult } from '../../web/src/api/polling.ts';

beforeEach(() => {
  vi.useFakeTimers();
  for (const name of ['addEventListener', 'removeEventListener']) vi.stubGlobal(name, () => undefined);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('a page waits at least Retry-After before the next poll, then polls as before [api.quota]', async () => {
  const polledAt: number[] = [];
  const results: PollResult[] = [17, 'changed', 'over'];
  const startedMs = Date.now();
  const end = follow(async () => {
    polledAt.push(Math.round((Date.now() - startedMs) / 1000));
    return results.shift() ?? 'over';
  }, new AbortController().signal);
  await vi.runAllTimersAsync();
  expect(await end).toBe('over');
  expect(polledAt[1]).toBe(17);
  expect(polledAt[2]).toBeLessThan(21);
  expect(polledAt).toHaveLength(3);
});
