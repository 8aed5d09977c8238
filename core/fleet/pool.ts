/** The pool's row: which run serves, how the next one is named, and when nobody may start one. */
import type { PoolRow, WaitsFor } from '../contracts/rows.ts';

/** A row and the row that takes its place; `to` is whole, so that what is left out of it is gone. */
export const next = <R extends { readonly version: number }>(from: R, to: R): { from: R; to: R } => ({
  from,
  to: { ...to, version: from.version + 1 },
});

/** Name of the run that all who want one now want: the same for everybody until a run has ended. */
export const runName = (pool: PoolRow): string => `run-${pool.epoch + 1}`;

/** Whether this run has come to its end before; a late call of it must not join anything again. */
export function isOver(pool: PoolRow, runId: string): boolean {
  const number = Number(/^run-(\d+)$/.exec(runId)?.[1] ?? Number.NaN);
  return number <= pool.epoch;
}

/** Whether a wish needs a run of its own, or is served, or must wait. */
export const needsRun = (pool: PoolRow, nowMs: number): boolean => pool.serving === undefined && pool.next_start_at_ms <= nowMs;

/** Why work waits although it could be served; undefined when it does not wait for anything like that. */
export const waitsFor = (pool: PoolRow, nowMs: number): { readonly reason: WaitsFor; readonly untilMs: number } | undefined =>
  pool.serving === undefined && pool.waits_for !== undefined && pool.next_start_at_ms > nowMs
    ? { reason: pool.waits_for, untilMs: pool.next_start_at_ms }
    : undefined;

const FIRST_BACKOFF_SECONDS = 60;
const LONGEST_BACKOFF_SECONDS = 2 * 3600;
/** One failure may be anything: the next run may come at once. From the second in a row on they wait. */
const backoffMs = (failures: number): number =>
  failures < 2 ? 0 : 1000 * Math.min(FIRST_BACKOFF_SECONDS * 2 ** (failures - 2), LONGEST_BACKOFF_SECONDS);

/** EC2 says "try again later" and means minutes. */
export const CAPACITY_RETRY_SECONDS = 600;
const DAY_MS = 86_400_000;

/** How a run came to its end. An abort is a command, and says nothing of the worker; nor does lack of capacity or money. */
export type Outcome = 'done' | 'failed' | 'aborted' | 'no-capacity' | 'no-budget';

function afterOutcome(pool: PoolRow, outcome: Outcome, nowMs: number): Partial<PoolRow> {
  if (outcome === 'aborted') return {};
  if (outcome === 'done') return { failed_runs: 0, next_start_at_ms: 0, last_error: undefined };
  if (outcome === 'no-capacity') return { waits_for: 'capacity', next_start_at_ms: nowMs + CAPACITY_RETRY_SECONDS * 1000 };
  if (outcome === 'no-budget') return { waits_for: 'budget', next_start_at_ms: (Math.floor(nowMs / DAY_MS) + 1) * DAY_MS };
  const failures = pool.failed_runs + 1;
  return { failed_runs: failures, waits_for: 'failures', next_start_at_ms: nowMs + backoffMs(failures) };
}

/** The pool once this run has ended; unchanged when another run serves, or this one has ended before. */
export function ended(pool: PoolRow, runId: string, outcome: Outcome, nowMs: number): PoolRow {
  if (isOver(pool, runId) || (pool.serving !== undefined && pool.serving.run_id !== runId)) return pool;
  const { serving: _left, waits_for: _old, ...rest } = pool;
  const kept = outcome === 'aborted' && pool.waits_for !== undefined ? { waits_for: pool.waits_for } : {};
  return { ...rest, ...kept, epoch: pool.epoch + 1, ...afterOutcome(pool, outcome, nowMs) };
}

/** One machine of a run is done with: the run goes on with the others, or has ended with it. */
export function withoutMachine(pool: PoolRow, runId: string, instanceId: string, outcome: Outcome, nowMs: number): PoolRow {
  const { serving } = pool;
  if (serving?.run_id !== runId || !serving.machines.includes(instanceId)) return pool;
  const machines = serving.machines.filter((id) => id !== instanceId);
  const drained = serving.drained || outcome === 'done';
  if (machines.length > 0) return { ...pool, serving: { ...serving, machines, drained } };
  return ended(pool, runId, drained ? 'done' : outcome, nowMs);
}
