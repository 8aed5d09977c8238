/** What the pages make of the API's answers. */
import { expect, test } from 'vitest';
import * as z from 'zod';
import { parsed } from '../../web/src/api/client.ts';

const Answer = z.strictObject({ id: z.string(), parts: z.array(z.strictObject({ n: z.number() })) });

test('what a newer server says more is left out, at any depth; what is missing or of another kind is refused', () => {
  const known = { id: 'a', parts: [{ n: 1 }, { n: 2 }] };
  expect(parsed(Answer, known)).toEqual(known);
  const newer = { id: 'a', more: { deep: true }, parts: [{ n: 1, also: 'x' }, { n: 2 }] };
  expect(parsed(Answer, newer)).toEqual(known);
  expect(newer.more).toEqual({ deep: true });
  expect(() => parsed(Answer, { parts: [] })).toThrow();
  expect(() => parsed(Answer, { id: 1, parts: [], more: 1 })).toThrow();
});
