/** The one-time code in the URL that `npm start` prints. */
import { expect, test } from 'vitest';
import { oneTimeCode } from '../../host/one-time-code.ts';

test('a one-time code is valid once and for a limited time; wrong codes do not change it [host.secrets]', () => {
  let nowMs = 0;
  const code = oneTimeCode(1000, () => nowMs);
  expect(code.code).toMatch(/^[\w-]{43}$/);
  for (const wrong of ['', 'x', `${code.code}x`, code.code.slice(1)]) expect(code.redeem(wrong)).toBe(false);
  expect(code.redeem(code.code)).toBe(true);
  expect(code.redeem(code.code)).toBe(false);

  const late = oneTimeCode(1000, () => nowMs);
  expect(late.code).not.toBe(code.code);
  nowMs = 1000;
  expect(late.redeem(late.code)).toBe(false);
});
