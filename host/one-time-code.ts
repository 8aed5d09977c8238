import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const CODE_BYTES = 32;
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

export interface OneTimeCode {
  readonly code: string;
  /** Returns true once, for the right code within its validity. */
  redeem(given: string): boolean;
}

/** Creates a random code that is valid once and for a limited time. */
export function oneTimeCode(validMs: number, now: () => number = Date.now): OneTimeCode {
  const code = randomBytes(CODE_BYTES).toString('base64url');
  const untilMs = now() + validMs;
  let isUsed = false;
  return {
    code,
    redeem(given) {
      const isGood = timingSafeEqual(digest(given), digest(code)) && !isUsed && now() < untilMs;
      isUsed ||= isGood;
      return isGood;
    },
  };
}
