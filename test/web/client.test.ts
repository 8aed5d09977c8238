/** How the pages parse API responses. */
import { expect, test } from 'vitest';
import * as z from 'zod';
import { parseBody } from '../../web/src/api/client.ts';

const Body = z.strictObject({ id: z.string(), parts: z.array(z.strictObject({ n: z.number() })) });

test('unknown fields are removed at any depth; a missing field or a wrong type is rejected', () => {
  const known = { id: 'a', parts: [{ n: 1 }, { n: 2 }] };
  expect(parseBody(Body, known)).toEqual(known);
  const newer = { id: 'a', more: { deep: true }, parts: [{ n: 1, also: 'x' }, { n: 2 }] };
  expect(parseBody(Body, newer)).toEqual(known);
  expect(newer.more).toEqual({ deep: true });
  expect(() => parseBody(Body, { parts: [] })).toThrow();
  expect(() => parseBody(Body, { id: 1, parts: [], more: 1 })).toThrow();
});
