/** Rate limits per user, so that one user cannot exhaust shared capacity. */
import type { CallId } from '../contracts/calls/all.ts';
import { DomainError } from '../errors.ts';
import { MINUTE_MS } from '../time.ts';

/** Counts uses per window of time. */
export interface UsageCounter {
  /** Adds `uses` (default 1) to the window's count and returns the sum. The count may be deleted after `expiresAtMs`. */
  count(window: string, expiresAtMs: number, uses?: number): Promise<number>;
}

/** Calls per user and minute, over all clients. Recording needs two upload URLs a minute; after being offline, hundreds. */
export const PER_MINUTE = {
  /** Upload URLs. */
  upload: 1200,
  /** New and resumed sessions, and retranscriptions of sessions. */
  session: 120,
  lock: 120,
  /** New file jobs, retranscriptions of files, and webhook deliveries that are sent again. */
  job: 120,
  /** Calls that end, repeat, cancel or delete work, and that start machines or batch runs. */
  action: 600,
  /** Each change of corrections is applied to all of the user's texts. */
  corrections: 60,
} as const;
export type QuotaKind = keyof typeof PER_MINUTE;

/** Calls that start, end or repeat work. A table counts them for all functions together. All other calls are `UNCOUNTED`. */
export const COUNTED: Readonly<Record<string, QuotaKind>> = {
  'POST /api/sessions': 'session',
  'DELETE /api/sessions/{id}': 'action',
  'POST /api/sessions/{id}/chunks': 'upload',
  'POST /api/sessions/{id}/chunks/{n}/retry': 'action',
  'POST /api/sessions/{id}/complete': 'action',
  'POST /api/sessions/{id}/resume': 'session',
  'POST /api/sessions/{id}/retranscribe': 'session',
  'POST /api/sessions/{id}/transcript/ranges': 'action',
  'PUT /api/corrections': 'corrections',
  'POST /api/transcriptions': 'job',
  'POST /api/transcriptions/{id}/parts': 'upload',
  'POST /api/transcriptions/{id}/upload-complete': 'action',
  'POST /api/transcriptions/{id}/cancel': 'action',
  'POST /api/transcriptions/{id}/retry': 'action',
  'POST /api/transcriptions/{id}/retranscribe': 'job',
  'DELETE /api/transcriptions/{id}': 'action',
  'POST /api/gpu/start': 'action',
  'POST /api/gpu/stop': 'action',
  'POST /api/batch/lock': 'lock',
  'POST /api/batch/runs': 'action',
  'POST /api/webhook/deliveries/{id}/replay': 'job',
} satisfies { readonly [Call in CallId]?: QuotaKind };

interface BucketSizes {
  readonly perSecond: number;
  /** Calls allowed at once after a pause. */
  readonly burst: number;
  /** Users kept in memory; beyond that, the least recent caller is evicted. */
  readonly users: number;
}
/** Limits of calls that only read, or write a setting; per user, in the memory of each function instance. */
export const UNCOUNTED: BucketSizes = { perSecond: 40, burst: 600, users: 2000 };

const refuse = (retryAfterSeconds: number): never => {
  throw new DomainError('too-many', `too many requests of this kind; try again in ${retryAfterSeconds} s`, { retryAfterSeconds });
};

/** Counts one call. @throws DomainError `too-many` with `retryAfterSeconds` */
export async function useQuota(store: UsageCounter, kind: QuotaKind, userId: string, nowMs: number): Promise<void> {
  const minute = Math.floor(nowMs / MINUTE_MS);
  const endMs = (minute + 1) * MINUTE_MS;
  if ((await store.count(`${userId}#${kind}#${minute}`, endMs + MINUTE_MS)) <= PER_MINUTE[kind]) return;
  refuse(Math.max(1, Math.ceil((endMs - nowMs) / 1000)));
}

/** Token buckets in memory, one per user. The returned function takes a token. @throws DomainError `too-many`, as `useQuota` */
export function tokenBuckets({ perSecond, burst, users }: BucketSizes = UNCOUNTED): (userId: string, nowMs: number) => void {
  const buckets = new Map<string, { readonly tokens: number; readonly atMs: number }>();
  return (userId, nowMs) => {
    const previous = buckets.get(userId) ?? { tokens: burst, atMs: nowMs };
    const atMs = Math.max(previous.atMs, nowMs);
    const tokens = Math.min(burst, previous.tokens + ((atMs - previous.atMs) / 1000) * perSecond);
    const isRefused = tokens < 1;
    buckets.delete(userId); // a map keeps insertion order, so the most recent callers are last
    const [oldest] = buckets.keys();
    if (oldest !== undefined && buckets.size >= users) buckets.delete(oldest);
    buckets.set(userId, { tokens: isRefused ? tokens : tokens - 1, atMs });
    if (isRefused) refuse(Math.ceil((1 - tokens) / perSecond));
  };
}
