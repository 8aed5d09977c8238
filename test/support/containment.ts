/** Containment for loops in tests: enough time, and a list of the failures. */
import type { Containment } from '../../core/contained.ts';

const FUNCTION_MS = 900_000;

/** The part of the Lambda context that reports the remaining time. */
export const context = { getRemainingTimeInMillis: () => FUNCTION_MS };

export function containment(): Containment & { readonly failures: string[] } {
  const failures: string[] = [];
  return {
    failures,
    nowMs: Date.now,
    untilMs: Date.now() + FUNCTION_MS,
    failed: async (id, error) => void failures.push(`${id}: ${(error as Error).message}`),
  };
}
