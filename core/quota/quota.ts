/** How often a user may do what costs something each time; by the minute, so that a mistake in a client ends soon. */
import { DomainError } from '../errors.ts';

export interface QuotaStore {
  /** Counts uses in this window of time (one, where nothing is said) and answers the count; it may be forgotten after `expiresAtMs`. */
  count(window: string, expiresAtMs: number, uses?: number): Promise<number>;
}

/** Uses in a minute. A recorder needs two addresses a minute; one that comes back online sends hours at once. */
const PER_MINUTE = { upload: 1200, session: 120, lock: 120, job: 120 } as const;
const MINUTE_MS = 60_000;

/** @throws DomainError `too-many` that says how long to wait */
export async function useQuota(store: QuotaStore, kind: keyof typeof PER_MINUTE, userId: string, nowMs: number): Promise<void> {
  const minute = Math.floor(nowMs / MINUTE_MS);
  const endMs = (minute + 1) * MINUTE_MS;
  if ((await store.count(`${userId}#${kind}#${minute}`, endMs + MINUTE_MS)) <= PER_MINUTE[kind]) return;
  const retryAfterSeconds = Math.max(1, Math.ceil((endMs - nowMs) / 1000));
  throw new DomainError('too-many', `too many calls of this kind; try again in ${retryAfterSeconds} s`, { retryAfterSeconds });
}
