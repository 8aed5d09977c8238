/**
 * The batch lock: active recordings delay the batch. Each recording session holds one lease. The gate row stores until when any
 * recording is active.
 *
 *   no lease --lock--> live --renew--> live --LOCK_STALE_SECONDS without renewal--> stale --removed--> no lease
 *                      live --LOCK_CAP_SECONDS after the first lock--> capped (cannot be renewed) --TTL--> no lease
 *
 * Gotchas:
 * - Each change of leases also increments the gate's epoch, in one transaction. So leases that were read after the gate are still
 *   current at commit, and a worker that checks the gate in the transaction of its claim cannot overlook a lock.
 * - The next call that reads a stale lease removes it. The gate needs no cleanup: its time passes.
 */

import type { Caller } from '../caller.ts';
import type { GateRow, LeaseRow } from '../contracts/batch.ts';
import type { SessionPlace } from '../contracts/keys.ts';
import { LOCK_CAP_SECONDS, LOCK_STALE_SECONDS, UPLOAD_RENEWS_SECONDS } from '../contracts/limits.ts';
import { DomainError } from '../errors.ts';
import { CONFLICT, optimistically } from '../optimistic.ts';
import { HOUR_MS, iso } from '../time.ts';
import type { LockChange, LockStore } from './ports.ts';

export interface LockDeps {
  readonly locks: LockStore;
  readonly nowMs: () => number;
}

const STALE_MS = 1000 * LOCK_STALE_SECONDS;
const CAP_MS = 1000 * LOCK_CAP_SECONDS;
/** A capped lease is kept this long, so that its session cannot get a new one. */
const KEPT_AFTER_CAP_SECONDS = LOCK_CAP_SECONDS;
/** Leases that one transaction removes; the next call removes the rest. */
const MAX_REMOVED = 90;

const isLive = (lease: LeaseRow, nowMs: number): boolean => lease.until_ms > nowMs;
const isCapped = (lease: LeaseRow, nowMs: number): boolean => nowMs >= lease.locked_at_ms + CAP_MS;
/** Neither renewed in time nor capped: the lease may be removed. */
const isStale = (lease: LeaseRow, nowMs: number): boolean => !isLive(lease, nowMs) && !isCapped(lease, nowMs);

/** Whether any session holds a live lease. */
export const isRecording = (gate: GateRow, nowMs: number): boolean => gate.live_until_ms > nowMs;
/** Whether workers may claim backlog. A worker checks the same row in the transaction of its claim. */
export const isGateOpen = (gate: GateRow, nowMs: number): boolean =>
  !isRecording(gate, nowMs) || (gate.behind_live_until_ms ?? 0) > nowMs;

type Decision<T> = { readonly result: T; readonly change?: Omit<LockChange, 'gate'> & { readonly gate: Partial<GateRow> } };

/** Reads the gate, decides and commits; retries when another caller committed in between. */
async function decide<T>(locks: LockStore, decision: (gate: GateRow) => Promise<Decision<T>>): Promise<T> {
  return optimistically('the batch lock', async () => {
    const from = await locks.readGate();
    const { result, change } = await decision(from);
    if (change === undefined) return result;
    const to = { ...from, ...change.gate, epoch: from.epoch + 1 };
    return (await locks.commit({ ...change, gate: { from, to } })) === 'committed' ? result : CONFLICT;
  });
}

function renewed(session: SessionPlace, lease: LeaseRow | undefined, nowMs: number): LeaseRow {
  const lockedAtMs = lease !== undefined && !isStale(lease, nowMs) ? lease.locked_at_ms : nowMs;
  return {
    kind: 'lease',
    id: session.sessionId,
    user_id: session.userId,
    locked_at_ms: lockedAtMs,
    renewed_at_ms: nowMs,
    until_ms: Math.min(nowMs + STALE_MS, lockedAtMs + CAP_MS),
    expires_at_s: Math.ceil((lockedAtMs + CAP_MS) / 1000) + KEPT_AFTER_CAP_SECONDS,
  };
}

/**
 * Creates or renews the lock of a session, which need not exist yet.
 * @throws DomainError `forbidden` when another user holds it; `lock-expired` after `LOCK_CAP_SECONDS`; `busy`
 */
export function lock({ locks, nowMs }: LockDeps, session: SessionPlace): Promise<LeaseRow> {
  return decide(locks, async (gate) => {
    const known = await locks.lease(session.sessionId);
    if (known !== undefined && known.user_id !== session.userId && !isStale(known, nowMs()))
      throw new DomainError('forbidden', 'another user holds the lock of this session');
    if (known !== undefined && isCapped(known, nowMs()))
      throw new DomainError('lock-expired', 'this session has held the lock for twelve hours; it cannot be renewed');
    const put = renewed(session, known, nowMs());
    return { result: put, change: { gate: { live_until_ms: Math.max(gate.live_until_ms, put.until_ms) }, put } };
  });
}

/** Renews the lock of a session to which a chunk is uploaded. A session without a live lock gets none. */
export async function renewByUpload({ locks, nowMs }: LockDeps, { userId, sessionId }: SessionPlace): Promise<void> {
  const lease = await locks.lease(sessionId);
  if (lease?.user_id !== userId || !isLive(lease, nowMs())) return;
  if (nowMs() - lease.renewed_at_ms < 1000 * UPLOAD_RENEWS_SECONDS) return;
  await lock({ locks, nowMs }, { userId, sessionId });
}

/** Removes the leases that match `isReleased`, and all stale ones. Returns the number of matches. */
function release({ locks, nowMs }: LockDeps, isReleased: (lease: LeaseRow) => boolean): Promise<number> {
  return decide(locks, async () => {
    const leases = await locks.leases();
    const released = leases.filter(isReleased);
    const stale = leases.filter((lease) => !released.includes(lease) && isStale(lease, nowMs()));
    const remove = [...released, ...stale].slice(0, MAX_REMOVED);
    if (remove.length === 0) return { result: 0 };
    const kept = leases.filter((lease) => !remove.includes(lease));
    const live_until_ms = Math.max(0, ...kept.map(({ until_ms }) => until_ms));
    return { result: released.length, change: { gate: { live_until_ms }, remove } };
  });
}

/** Releases a user's own lock of this session, or all of their locks. */
export const unlock = (deps: LockDeps, userId: string, sessionId?: string): Promise<number> =>
  release(deps, (lease) => lease.user_id === userId && (sessionId === undefined || lease.id === sessionId));

/** Lets an admin release anyone's lock. @throws DomainError `not-found` if the session holds none */
export async function unlockAny(deps: LockDeps, sessionId: string): Promise<void> {
  if ((await release(deps, (lease) => lease.id === sessionId)) === 0)
    throw new DomainError('not-found', 'this session holds no lock');
}

/** Live locks, oldest first. Removes stale ones. */
export async function liveLocks(deps: LockDeps): Promise<LeaseRow[]> {
  const leases = await deps.locks.leases();
  if (leases.some((lease) => isStale(lease, deps.nowMs()))) await release(deps, () => false);
  return leases.filter((lease) => isLive(lease, deps.nowMs())).sort((a, b) => a.locked_at_ms - b.locked_at_ms);
}

/** The locks that a caller may see: admins see all; users see the number of locks, and the details of their own. */
export async function lockStatus(deps: LockDeps, { userId, isAdmin }: Caller) {
  const live = await liveLocks(deps);
  const [oldest] = live;
  const visible = live.filter((lease) => isAdmin || lease.user_id === userId);
  return {
    locked: oldest !== undefined,
    sessions: live.length,
    ...(oldest !== undefined && {
      oldestTimestamp: iso(oldest.locked_at_ms),
      expiresAt: iso(Math.max(...live.map(({ until_ms }) => until_ms))),
    }),
    ...(visible[0] !== undefined && { userId: visible[0].user_id, sessionId: visible[0].id }),
    locks: visible.map((lease) => viewLock(lease)),
  };
}

/** Public form of a lock. */
export const viewLock = (lease: LeaseRow) => ({
  userId: lease.user_id,
  sessionId: lease.id,
  timestamp: iso(lease.renewed_at_ms),
  expiresAt: iso(lease.until_ms),
});

export type BacklogAccess =
  /** No recording is active. */
  | { readonly kind: 'free' }
  /** A recording is active, but backlog may be transcribed with lower priority. */
  | { readonly kind: 'behind-live' }
  /** A recording is active, and the run must not transcribe backlog. */
  | { readonly kind: 'blocked' };

/**
 * Decides whether a run may transcribe backlog until `untilMs`. The gate records when a scheduled run was first blocked;
 * `maxBlockedHours` later, the next run is admitted with lower priority than recordings.
 */
export async function backlogAccess(
  deps: LockDeps,
  run: { readonly isScheduled: boolean; readonly untilMs: number; readonly maxBlockedHours: number },
): Promise<BacklogAccess> {
  await liveLocks(deps);
  return decide<BacklogAccess>(deps.locks, async (gate) => {
    const { blocked_since_ms: since, behind_live_until_ms: priorUntil, ...rest } = gate;
    const nowMs = deps.nowMs();
    if (!isRecording(gate, nowMs)) {
      if (since === undefined && priorUntil === undefined) return { result: { kind: 'free' } };
      return {
        result: { kind: 'free' },
        change: { gate: { ...rest, blocked_since_ms: undefined, behind_live_until_ms: undefined } },
      };
    }
    if (since !== undefined && nowMs - since >= run.maxBlockedHours * HOUR_MS)
      return { result: { kind: 'behind-live' }, change: { gate: { behind_live_until_ms: run.untilMs } } };
    if (!run.isScheduled || since !== undefined) return { result: { kind: 'blocked' } };
    return { result: { kind: 'blocked' }, change: { gate: { blocked_since_ms: nowMs } } };
  });
}
