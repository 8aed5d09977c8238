/**
 * Who holds a GPU machine, and who may stop it: decisions on a snapshot of the pool row and an instance row.
 *
 *   idle --join, hold--> running --last holder leaves--> draining --confirmed stopped--> idle
 *
 * Gotchas:
 * - Nothing joins a `draining` machine, and `draining` ends only when the caller that decided the stop can no longer send it.
 *   So a stop never hits a holder that came after the decision.
 * - A run's last machine leaves only if its worker has seen the newest `wanted_seq`. An earlier request has been seen; a later
 *   one finds no serving run and starts one. So no request is lost.
 * - A run does not stop a machine that was running before it. The reaper adopts such a machine for a while, then stops it.
 */
import { WORKFLOW_ERRORS } from '../contracts/events.ts';
import type { InstanceRow, PoolRow } from '../contracts/rows.ts';
import { hasEnded, next, withoutMachine } from './pool.ts';
import type { FleetChange, Machine } from './ports.ts';
import { liveHolders, without } from './rows.ts';

/** The rows on which a decision is made. */
export interface Snapshot {
  readonly pool: PoolRow;
  readonly instance: InstanceRow;
}

/** A run's hold expires after this time: boot, the longest drain, and a margin for the stop. */
export const HOLDER_SECONDS = 4 * 3600 + 20 * 60;

/** How long a running machine without a known holder is kept: it was just created, or started by hand. */
export const ADOPTION_SECONDS = 10 * 60;
const ADOPTED = 'adopted';

/** Key of an admin in `holders`. The other keys are names of runs, and `adopted` for the reaper. */
export const adminHolder = (userId: string): string => `person:${userId}`;
export const isRun = (holder: string): boolean => holder !== ADOPTED && !holder.startsWith('person:');

/** A stop not issued by a run must be sent within STOP_SENT_SECONDS; nothing may join before STOP_SETTLED_SECONDS have passed. */
export const STOP_SENT_SECONDS = 5;
export const STOP_SETTLED_SECONDS = 10;

export const isUp = (machine: Machine): boolean => machine.state === 'running' || machine.state === 'pending';
const isDown = (machine: Machine): boolean => machine.state === 'stopped' || machine.state === 'gone';

/** The row with one more holder, who starts the machine if it is down. An adoption ends. */
const withHolder = (instance: InstanceRow, holder: string, untilMs: number, machine: Machine): InstanceRow => ({
  ...instance,
  state: 'running',
  holders: { ...without(instance.holders, ADOPTED), [holder]: untilMs },
  started_by_us: instance.started_by_us || !isUp(machine),
});

/** `already-joined`: repeated call; `over`: the run has ended; `served`: another run is serving. */
export type Join =
  | { readonly kind: 'joined'; readonly change: FleetChange }
  | { readonly kind: 'already-joined' | 'draining' | 'over' }
  | { readonly kind: 'served'; readonly by: string };

/** Whether a run may join the machine. `machine`: EC2's current state of it. */
export function join({ pool, instance }: Snapshot, runId: string, machine: Machine, nowMs: number): Join {
  if (instance.holders[runId] !== undefined) return { kind: 'already-joined' };
  const { serving = { run_id: runId, machines: [], tried: [], drained: false } } = pool;
  if (serving.run_id !== runId) return { kind: 'served', by: serving.run_id };
  if (hasEnded(pool, runId)) return { kind: 'over' };
  if (instance.state === 'draining') return { kind: 'draining' };
  return {
    kind: 'joined',
    change: {
      pool: next(pool, { ...pool, serving: { ...serving, machines: [...serving.machines, instance.id] } }),
      instances: [next(instance, withHolder(instance, runId, nowMs + HOLDER_SECONDS * 1000, machine))],
    },
  };
}

/** The row with these remaining holders, and whether to stop the machine. The run `stopper` sends the stop, else the caller. */
function afterRelease(
  instance: InstanceRow,
  holders: InstanceRow['holders'],
  nowMs: number,
  stopper?: string,
): { row: InstanceRow; stop: boolean } {
  const row = { ...instance, holders };
  if (instance.state !== 'running' || liveHolders(row, nowMs).length > 0) return { row, stop: false };
  if (!instance.started_by_us) return { row: { ...row, state: 'idle', holders: {} }, stop: false };
  return { row: withStopDecided(row, nowMs, stopper), stop: true };
}

/** The row with a decided stop. */
function withStopDecided(instance: InstanceRow, nowMs: number, stopper?: string): InstanceRow {
  const { stopper: _stopper, ...row } = instance;
  const by = stopper === undefined ? { last_stop_at_ms: nowMs } : { stopper };
  return { ...row, state: 'draining', holders: {}, fence: instance.fence + 1, stop_decided_at_ms: nowMs, ...by };
}

/** `wanted-again`: the machine stays, because there are newer requests. */
export type Leave = { readonly kind: 'wanted-again' } | { readonly kind: 'stop' | 'keep'; readonly change: FleetChange };

/**
 * A machine leaves its run. `seenSeq`: newest request that the worker had seen when it drained; undefined if the run failed with
 * the error named `error`. A repeated call returns `stop` again: a second stop is harmless, a missing one is not.
 */
export function leave(
  { pool, instance }: Snapshot,
  runId: string,
  seenSeq: number | undefined,
  nowMs: number,
  error?: string,
): Leave {
  const isLast = pool.serving?.run_id === runId && pool.serving.machines.every((id) => id === instance.id);
  if (seenSeq !== undefined && seenSeq < pool.wanted_seq && isLast && instance.holders[runId] !== undefined)
    return { kind: 'wanted-again' };
  const badEnd = error === WORKFLOW_ERRORS.machineTaken ? 'aborted' : 'failed';
  const outcome = seenSeq === undefined ? badEnd : 'done';
  const { row, stop } = afterRelease(instance, without(instance.holders, runId), nowMs, runId);
  const isOurs = row.state === 'draining' && row.stopper === runId;
  return {
    kind: stop || isOurs ? 'stop' : 'keep',
    change: {
      pool: next(pool, {
        ...withoutMachine(pool, runId, instance.id, outcome, nowMs),
        ...(error !== undefined && { last_error: error }),
      }),
      instances: [next(instance, { ...row, ready_once: row.ready_once || seenSeq !== undefined })],
    },
  };
}

/** EC2 has no capacity for `from`: the run joins the idle machine `to` instead, or continues without it if `to` is undefined. */
export function replaceMachine(
  { pool, instance: from }: Snapshot,
  to: InstanceRow | undefined,
  runId: string,
  nowMs: number,
): FleetChange {
  const { row } = afterRelease(from, without(from.holders, runId), nowMs);
  const { serving } = pool;
  if (to === undefined || serving?.run_id !== runId)
    return { pool: next(pool, withoutMachine(pool, runId, from.id, 'no-capacity', nowMs)), instances: [next(from, row)] };
  const machines = serving.machines.map((id) => (id === from.id ? to.id : id));
  const stopped = { instanceId: to.id, state: 'stopped', launchedAtMs: 0 } as const;
  return {
    pool: next(pool, { ...pool, serving: { ...serving, machines, tried: [...serving.tried, from.id] } }),
    instances: [next(from, row), next(to, withHolder(to, runId, nowMs + HOLDER_SECONDS * 1000, stopped))],
  };
}

/** An admin holds a machine until a chosen time; a repeated call changes the time. */
export function hold(instance: InstanceRow, holder: string, machine: Machine, untilMs: number): FleetChange | 'draining' {
  if (instance.state === 'draining') return 'draining';
  return { instances: [next(instance, withHolder(instance, holder, untilMs, machine))] };
}

export type Release = { readonly kind: 'stop' | 'keep'; readonly change: FleetChange };

/** An admin releases a machine. A forced release removes all other holders too. */
export function release({ pool, instance }: Snapshot, holder: string, isForced: boolean, nowMs: number): Release {
  if (!isForced) {
    const { row, stop } = afterRelease(instance, without(instance.holders, holder), nowMs);
    return { kind: stop ? 'stop' : 'keep', change: { instances: [next(instance, row)] } };
  }
  const { serving } = pool;
  const left = serving === undefined ? pool : withoutMachine(pool, serving.run_id, instance.id, 'aborted', nowMs);
  return { kind: 'stop', change: { pool: next(pool, left), instances: [next(instance, withStopDecided(instance, nowMs))] } };
}

/**
 * Makes a machine that EC2 reports as stopped available again, unless a stop may still be on its way to EC2.
 * `isStopperOver`: the run that decided the stop has ended, or its stop was sent.
 */
export function confirmStopped(instance: InstanceRow, nowMs: number, isStopperOver: boolean): FleetChange | undefined {
  if (instance.state !== 'draining' || !(instance.stopper === undefined || isStopperOver)) return undefined;
  if (nowMs < (instance.last_stop_at_ms ?? 0) + STOP_SETTLED_SECONDS * 1000) return undefined;
  const { stopper: _gone, ...row } = instance;
  return { instances: [next(instance, { ...row, state: 'idle', started_by_us: false, holders: {} })] };
}

/** A run's own stop has this long before the reaper sends it too. */
const STOPPER_SECONDS = 60;

/**
 * `adopt`: hold a machine without a holder; `forget`: remove expired holders and ended runs; `stopped`: confirm the stop;
 * `force-stop`: stop a machine that hangs while it stops.
 */
export type Reap =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'adopt' | 'forget' | 'stopped'; readonly change: FleetChange }
  | { readonly kind: 'stop' | 'force-stop'; readonly change: FleetChange };

/** Confirms a decided stop, or sends it again. */
function reapDraining(instance: InstanceRow, machine: Machine, deadRuns: ReadonlySet<string>, nowMs: number): Reap {
  const isStopperOver = instance.stopper === undefined || deadRuns.has(instance.stopper);
  if (isDown(machine)) {
    const change = confirmStopped(instance, nowMs, isStopperOver);
    return change === undefined ? { kind: 'nothing' } : { kind: 'stopped', change };
  }
  const isDue = isStopperOver || nowMs > (instance.stop_decided_at_ms ?? 0) + STOPPER_SECONDS * 1000;
  const kind = isStuck(instance, machine, nowMs) ? 'force-stop' : machine.state === 'running' && isDue ? 'stop' : 'nothing';
  if (kind === 'nothing') return { kind };
  return { kind, change: { instances: [next(instance, { ...instance, last_stop_at_ms: nowMs })] } };
}

/**
 * Level-triggered: what must happen so that the machine's real state and its holders agree.
 * `deadRuns`: holders and stopper whose execution is no longer running.
 */
export function reap(instance: InstanceRow, machine: Machine, deadRuns: ReadonlySet<string>, nowMs: number): Reap {
  if (instance.state === 'draining') return reapDraining(instance, machine, deadRuns, nowMs);
  if (isUp(machine) && instance.state === 'idle') {
    const adopted: InstanceRow = {
      ...instance,
      state: 'running',
      started_by_us: true,
      holders: { [ADOPTED]: nowMs + ADOPTION_SECONDS * 1000 },
    };
    return { kind: 'adopt', change: { instances: [next(instance, adopted)] } };
  }

  const holders = Object.fromEntries(
    Object.entries(instance.holders).filter(([holder, deadlineMs]) => deadlineMs > nowMs && !deadRuns.has(holder)),
  );
  const isUnheld = instance.state === 'running' && Object.keys(holders).length === 0;
  if (Object.keys(holders).length === Object.keys(instance.holders).length && !isUnheld) return { kind: 'nothing' };
  const { row, stop } = afterRelease(instance, holders, nowMs);
  return { kind: stop ? 'stop' : 'forget', change: { instances: [next(instance, row)] } };
}

/** Time from a decided stop after which a machine that is still stopping is forced to. */
const FORCE_STOP_SECONDS = 600;
const isStuck = (instance: InstanceRow, machine: Machine, nowMs: number): boolean =>
  machine.state === 'stopping' && nowMs > (instance.stop_decided_at_ms ?? nowMs) + FORCE_STOP_SECONDS * 1000;

/** Longest time from a decided stop to a stopped machine before it is reported. */
const STOP_OVERDUE_SECONDS = 180;
export const isStopOverdue = (instance: InstanceRow, machine: Machine, nowMs: number): boolean =>
  instance.state === 'draining' && !isDown(machine) && nowMs > (instance.stop_decided_at_ms ?? 0) + STOP_OVERDUE_SECONDS * 1000;
