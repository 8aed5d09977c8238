import { expect, test } from 'vitest';
import { CONFLICT, optimistically } from '../../core/optimistic.ts';

test('an attempt is repeated until it does not conflict, and its result is returned', async () => {
  const results = [CONFLICT, CONFLICT, 'written'] as const;
  let attempts = 0;
  expect(await optimistically('the row', async () => results[attempts++] ?? 'late')).toBe('written');
  expect(attempts).toBe(3);
});

test('an attempt may return undefined, and an error ends the loop', async () => {
  expect(await optimistically('the row', async () => undefined)).toBeUndefined();
  await expect(optimistically('the row', () => Promise.reject(new Error('throttled')))).rejects.toThrow('throttled');
});

test('a loop that always conflicts gives up with an error that names the row [batch.lock]', async () => {
  let attempts = 0;
  const always = optimistically('the fleet', async () => {
    attempts += 1;
    return CONFLICT;
  });
  await expect(always).rejects.toMatchObject({ code: 'busy', message: expect.stringContaining('the fleet is being changed') });
  expect(attempts).toBe(40);
});

test('forty writers of one row all succeed', async () => {
  let row = { version: 0, sum: 0 };
  const add = (n: number): Promise<number> =>
    optimistically('the row', async () => {
      const was = row;
      await new Promise((resolve) => setImmediate(resolve));
      if (row.version !== was.version) return CONFLICT;
      row = { version: was.version + 1, sum: was.sum + n };
      return n;
    });
  const added = await Promise.all(Array.from({ length: 40 }, (_, n) => add(n)));
  expect(row.sum).toBe(added.reduce((sum, n) => sum + n, 0));
});
