/** Optimistic concurrency control: read, decide, write on a condition; again when another caller has written in between. */
import { DomainError } from './errors.ts';

/** Conflicts in a row after which the loop gives up: together with the waits, about five seconds. */
const MAX_ATTEMPTS = 40;
/** Each wait is random, up to a limit that starts here and doubles, so that callers that collided once separate. */
const [FIRST_LIMIT_MS, LAST_LIMIT_MS] = [4, 250];

/** Returned by an attempt whose write met a newer row. */
export const CONFLICT = Symbol('conflict');

/**
 * Runs `attempt` until it does not conflict. It must read everything it decides on.
 * @param what is changed, for the error
 * @throws DomainError `busy` after MAX_ATTEMPTS conflicts
 */
export async function optimistically<T>(what: string, attempt: () => Promise<T | typeof CONFLICT>): Promise<T> {
  for (let attempts = 1, limitMs = FIRST_LIMIT_MS; ; attempts++, limitMs = Math.min(LAST_LIMIT_MS, 2 * limitMs)) {
    const result = await attempt();
    if (result !== CONFLICT) return result;
    if (attempts === MAX_ATTEMPTS) throw new DomainError('busy', `${what} is being changed by other requests; try again`);
    const waitMs = limitMs * Math.random();
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}
