/**
 * The pool's row: which run is serving, the name of the next run, and when it may start.
 *
 *   no run --run N joins its first machine--> run N is serving --its last machine leaves, or its execution is over--> no run
 *   no run --run N ends before it joins a machine--> no run
 *
 * Gotchas:
 * - The epoch is the number of runs that have ended. It names the next run, so that all concurrent requests start the same one.
 * - The next run may have to wait: after failures in a row (up to two hours), for EC2's capacity, or for the next day's budget.
 */
import type { PoolRow, WaitReason } from '../contracts/rows.ts';
import { iso, startOfNextDay } from '../time.ts';

/** A row and its replacement. Attributes missing in `to` are removed. */
export const next = <R extends { readonly version: number }>(from: R, to: R): { from: R; to: R } => ({
  from,
  to: { ...to, version: from.version + 1 },
});

/** Name of the next run. All concurrent requests get the same name until a run has ended. */
export const runName = (pool: PoolRow): string => `run-${pool.epoch + 1}`;

/** Whether this run has ended; its late calls must not join. */
export function hasEnded(pool: PoolRow, runId: string): boolean {
  const number = Number(/^run-(\d+)$/.exec(runId)?.[1] ?? Number.NaN);
  return number <= pool.epoch;
}

/** Whether a request needs a new run: none is serving, and none must wait. */
export const needsRun = (pool: PoolRow, nowMs: number): boolean => pool.serving === undefined && pool.next_start_at_ms <= nowMs;

/** Why waiting work cannot start a run, and until when. */
export interface Wait {
  readonly reason: WaitReason;
  readonly untilMs: number;
}

/** What waiting work waits for; undefined if nothing prevents a run. */
export const waitsFor = (pool: PoolRow, nowMs: number): Wait | undefined =>
  pool.serving === undefined && pool.waits_for !== undefined && pool.next_start_at_ms > nowMs
    ? { reason: pool.waits_for, untilMs: pool.next_start_at_ms }
    : undefined;

/** Public form of a wait. */
export const viewWait = ({ reason, untilMs }: Wait) => ({ reason, until: iso(untilMs) });

const FIRST_BACKOFF_SECONDS = 60;
const LONGEST_BACKOFF_SECONDS = 2 * 3600;
/** The first failure causes no wait; from the second in a row on, the waits double. */
const backoffMs = (failures: number): number =>
  failures < 2 ? 0 : 1000 * Math.min(FIRST_BACKOFF_SECONDS * 2 ** (failures - 2), LONGEST_BACKOFF_SECONDS);

/** Wait after EC2 had no capacity. */
export const CAPACITY_RETRY_SECONDS = 600;

/** How a run ended. `aborted`, `no-capacity` and `no-budget` do not count as failures of the worker. */
export type RunOutcome = 'done' | 'failed' | 'aborted' | 'no-capacity' | 'no-budget';

function pauseAfterRun(pool: PoolRow, outcome: RunOutcome, nowMs: number): Partial<PoolRow> {
  if (outcome === 'aborted') return {};
  if (outcome === 'done') return { failed_runs: 0, next_start_at_ms: 0, last_error: undefined };
  if (outcome === 'no-capacity') return { waits_for: 'capacity', next_start_at_ms: nowMs + CAPACITY_RETRY_SECONDS * 1000 };
  if (outcome === 'no-budget') return { waits_for: 'budget', next_start_at_ms: startOfNextDay(nowMs) };
  const failures = pool.failed_runs + 1;
  return { failed_runs: failures, waits_for: 'failures', next_start_at_ms: nowMs + backoffMs(failures) };
}

/** The row after a run has ended; unchanged if another run is serving or this one had ended before. */
export function poolAfterRun(pool: PoolRow, runId: string, outcome: RunOutcome, nowMs: number): PoolRow {
  if (hasEnded(pool, runId) || (pool.serving !== undefined && pool.serving.run_id !== runId)) return pool;
  const { serving: _left, waits_for: _old, ...rest } = pool;
  const kept = outcome === 'aborted' && pool.waits_for !== undefined ? { waits_for: pool.waits_for } : {};
  return { ...rest, ...kept, epoch: pool.epoch + 1, ...pauseAfterRun(pool, outcome, nowMs) };
}

/** The row after a machine has left its run. The run ends with its last machine. */
export function withoutMachine(pool: PoolRow, runId: string, instanceId: string, outcome: RunOutcome, nowMs: number): PoolRow {
  const { serving } = pool;
  if (serving?.run_id !== runId || !serving.machines.includes(instanceId)) return pool;
  const machines = serving.machines.filter((id) => id !== instanceId);
  const drained = serving.drained || outcome === 'done';
  if (machines.length > 0) return { ...pool, serving: { ...serving, machines, drained } };
  return poolAfterRun(pool, runId, drained ? 'done' : outcome, nowMs);
}
