/**
 * Recordings hold the batch back: one lease per session, and a gate row that says until when anybody records.
 *
 * Every change of leases is a change of the gate under its epoch, so what was read of the leases after the gate is still so
 * when the change happens, and a worker's claim of backlog that checks the gate can never pass a lock that is there.
 * A lease that nobody renews is removed by whoever meets it; the gate needs nobody: its time simply passes.
 */
import type { GateRow, LeaseRow } from '../contracts/batch.ts';
import type { SessionPlace } from '../contracts/keys.ts';
import { LOCK_CAP_SECONDS, LOCK_STALE_SECONDS, UPLOAD_RENEWS_SECONDS } from '../contracts/limits.ts';
import { DomainError } from '../errors.ts';
import type { Caller } from '../sessions/access.ts';
import type { LockChange, LockStore } from './ports.ts';

export interface LockDeps {
  readonly locks: LockStore;
  readonly nowMs: () => number;
}

const STALE_MS = 1000 * LOCK_STALE_SECONDS;
const CAP_MS = 1000 * LOCK_CAP_SECONDS;
/** A lease that has had its time stays known for as long again: who asks once more gets no new one. */
const KEPT_AFTER_CAP_SECONDS = LOCK_CAP_SECONDS;
/** Recorders all write the same gate; each of these waits for one of them. */
const MAX_COLLISIONS = 60;
/** What one transaction can remove; whoever comes next removes more. */
const MAX_REMOVED = 90;

const isLive = (lease: LeaseRow, nowMs: number): boolean => lease.until_ms > nowMs;
const isCapped = (lease: LeaseRow, nowMs: number): boolean => nowMs >= lease.locked_at_ms + CAP_MS;
/** Nobody renewed it, and it may be forgotten. */
const isStale = (lease: LeaseRow, nowMs: number): boolean => !isLive(lease, nowMs) && !isCapped(lease, nowMs);

/** Somebody records now. */
export const isRecording = (gate: GateRow, nowMs: number): boolean => gate.live_until_ms > nowMs;
/** Whether backlog may be claimed. The worker checks the same of the same row, in the transaction that claims. */
export const isGateOpen = (gate: GateRow, nowMs: number): boolean =>
  !isRecording(gate, nowMs) || (gate.behind_live_until_ms ?? 0) > nowMs;

type Decision<T> = { readonly result: T; readonly change?: Omit<LockChange, 'gate'> & { readonly gate: Partial<GateRow> } };

/** Read, decide, write; again when somebody else wrote in between. */
async function decide<T>(locks: LockStore, decision: (gate: GateRow) => Promise<Decision<T>>): Promise<T> {
  for (let collision = 0; collision < MAX_COLLISIONS; collision += 1) {
    const from = await locks.readGate();
    const { result, change } = await decision(from);
    if (change === undefined) return result;
    const to = { ...from, ...change.gate, epoch: from.epoch + 1 };
    if ((await locks.commit({ ...change, gate: { from, to } })) === 'committed') return result;
  }
  throw new DomainError('busy', 'too many recorders at this very moment; try again in some seconds');
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
 * Locks, or renews; `session` may be one that the server does not know yet.
 * @throws DomainError `forbidden` when somebody else holds it; `lock-expired` after the longest time that one may be held
 */
export function lock({ locks, nowMs }: LockDeps, session: SessionPlace): Promise<LeaseRow> {
  return decide(locks, async (gate) => {
    const known = await locks.lease(session.sessionId);
    if (known !== undefined && known.user_id !== session.userId && !isStale(known, nowMs()))
      throw new DomainError('forbidden', 'this session is recorded by somebody else');
    if (known !== undefined && isCapped(known, nowMs()))
      throw new DomainError('lock-expired', 'this session has held the lock for twelve hours; the batch takes its turn now');
    const put = renewed(session, known, nowMs());
    return { result: put, change: { gate: { live_until_ms: Math.max(gate.live_until_ms, put.until_ms) }, put } };
  });
}

/** An upload says that its session is still recorded. A session that holds no lock gets none. */
export async function renewByUpload({ locks, nowMs }: LockDeps, { userId, sessionId }: SessionPlace): Promise<void> {
  const lease = await locks.lease(sessionId);
  if (lease?.user_id !== userId || !isLive(lease, nowMs())) return;
  if (nowMs() - lease.renewed_at_ms < 1000 * UPLOAD_RENEWS_SECONDS) return;
  await lock({ locks, nowMs }, { userId, sessionId });
}

/** Removes the leases that `isReleased`, and the stale ones with them; answers how many of the former there were. */
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

/** An admin releases whosever lock. */
export const unlockAny = (deps: LockDeps, sessionId: string): Promise<number> => release(deps, (lease) => lease.id === sessionId);

/** Live locks, the oldest first. Stale ones are removed on the way. */
export async function liveLocks(deps: LockDeps): Promise<LeaseRow[]> {
  const leases = await deps.locks.leases();
  if (leases.some((lease) => isStale(lease, deps.nowMs()))) await release(deps, () => false);
  return leases.filter((lease) => isLive(lease, deps.nowMs())).sort((a, b) => a.locked_at_ms - b.locked_at_ms);
}

/** What a caller sees of the locks: that there are some, and whose only of their own. */
export async function lockStatus(deps: LockDeps, { userId, isAdmin }: Caller) {
  const live = await liveLocks(deps);
  const [oldest] = live;
  const iso = (ms: number): string => new Date(ms).toISOString();
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

export const viewLock = (lease: LeaseRow) => ({
  userId: lease.user_id,
  sessionId: lease.id,
  timestamp: new Date(lease.renewed_at_ms).toISOString(),
  expiresAt: new Date(lease.until_ms).toISOString(),
});

export type Passage =
  | { readonly kind: 'free' }
  /** Somebody records; the backlog may be worked off behind them all the same. */
  | { readonly kind: 'behind-live' }
  | { readonly kind: 'blocked' };

/**
 * Whether a run may work the backlog off until `untilMs`. A scheduled run that is held back is noted; when the first of
 * them was `maxBlockedHours` ago, the next one goes ahead behind live work.
 */
export async function passage(
  deps: LockDeps,
  run: { readonly isScheduled: boolean; readonly untilMs: number; readonly maxBlockedHours: number },
): Promise<Passage> {
  await liveLocks(deps);
  return decide<Passage>(deps.locks, async (gate) => {
    const { blocked_since_ms: since, behind_live_until_ms: _before, ...rest } = gate;
    const nowMs = deps.nowMs();
    if (!isRecording(gate, nowMs)) {
      if (since === undefined && _before === undefined) return { result: { kind: 'free' } };
      return {
        result: { kind: 'free' },
        change: { gate: { ...rest, blocked_since_ms: undefined, behind_live_until_ms: undefined } },
      };
    }
    if (since !== undefined && nowMs - since >= run.maxBlockedHours * 3_600_000)
      return { result: { kind: 'behind-live' }, change: { gate: { behind_live_until_ms: run.untilMs } } };
    if (!run.isScheduled || since !== undefined) return { result: { kind: 'blocked' } };
    return { result: { kind: 'blocked' }, change: { gate: { blocked_since_ms: nowMs } } };
  });
}
