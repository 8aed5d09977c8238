/**
 * Who holds a GPU machine, and who may stop it: decisions on one snapshot of the pool row and an instance row.
 *
 *   idle --join, hold--> running --last holder gone--> draining --confirmed stopped--> idle
 *
 * - Nobody joins while a stop is under way, and `draining` ends only when whoever decided the stop can make no call any
 *   more: so a stop can never hit somebody who came after it was decided.
 * - A run's last machine leaves only when it has seen the newest `wanted_seq`: whoever raised it after that finds no serving
 *   run and starts one, whoever raised it before was looked for. No wish is lost in between.
 * - A run leaves a machine running that it found running; the reaper adopts such a machine for a while and then stops it.
 */
import { WORKFLOW_ERRORS } from '../contracts/events.ts';
import type { InstanceRow, PoolRow } from '../contracts/rows.ts';
import { isOver, next, withoutMachine } from './pool.ts';
import type { FleetChange, Machine } from './ports.ts';
import { liveHolders, without } from './rows.ts';

export interface Snapshot {
  readonly pool: PoolRow;
  readonly instance: InstanceRow;
}

/** A holder that says nothing more is dead after this: boot, the longest drain, and room to stop. */
export const HOLDER_SECONDS = 4 * 3600 + 20 * 60;

/** A machine that runs without any holder known to us gets this long: it was just created, or somebody started it by hand. */
export const ADOPTION_SECONDS = 10 * 60;
const ADOPTED = 'adopted';

/** Holders are runs by their name, people, and the reaper that adopted a machine. */
export const personHolder = (userId: string): string => `person:${userId}`;
export const isRun = (holder: string): boolean => holder !== ADOPTED && !holder.startsWith('person:');

/** Whoever is no run sends its stop within the first part of this or not at all; before its end nobody may join. */
export const STOP_SENT_SECONDS = 5;
export const STOP_SETTLED_SECONDS = 10;

export const isUp = (machine: Machine): boolean => machine.state === 'running' || machine.state === 'pending';
const isDown = (machine: Machine): boolean => machine.state === 'stopped' || machine.state === 'gone';

/** The row with one holder more. Who finds the machine stopped is the one to start it; an adopted one has a holder now. */
const held = (instance: InstanceRow, holder: string, untilMs: number, machine: Machine): InstanceRow => ({
  ...instance,
  state: 'running',
  holders: { ...without(instance.holders, ADOPTED), [holder]: untilMs },
  started_by_us: instance.started_by_us || !isUp(machine),
});

export type Join =
  | { readonly kind: 'joined'; readonly change: FleetChange }
  | { readonly kind: 'already-joined' | 'draining' | 'over' }
  | { readonly kind: 'served'; readonly by: string };

/** Whether `runId` may take the instance. `machine` is what EC2 says now. */
export function join({ pool, instance }: Snapshot, runId: string, machine: Machine, nowMs: number): Join {
  if (instance.holders[runId] !== undefined) return { kind: 'already-joined' };
  const { serving = { run_id: runId, machines: [], tried: [], drained: false } } = pool;
  if (serving.run_id !== runId) return { kind: 'served', by: serving.run_id };
  if (isOver(pool, runId)) return { kind: 'over' };
  if (instance.state === 'draining') return { kind: 'draining' };
  return {
    kind: 'joined',
    change: {
      pool: next(pool, { ...pool, serving: { ...serving, machines: [...serving.machines, instance.id] } }),
      instances: [next(instance, held(instance, runId, nowMs + HOLDER_SECONDS * 1000, machine))],
    },
  };
}

/** What becomes of a machine when these holders are gone; `stopper`: the run that will make the stop, else the caller at once. */
function released(
  instance: InstanceRow,
  holders: InstanceRow['holders'],
  nowMs: number,
  stopper?: string,
): { row: InstanceRow; stop: boolean } {
  const row = { ...instance, holders };
  if (instance.state !== 'running' || liveHolders(row, nowMs).length > 0) return { row, stop: false };
  if (!instance.started_by_us) return { row: { ...row, state: 'idle', holders: {} }, stop: false };
  return { row: drained(row, nowMs, stopper), stop: true };
}

/** The decided stop. */
function drained(instance: InstanceRow, nowMs: number, stopper?: string): InstanceRow {
  const { stopper: _before, ...row } = instance;
  const by = stopper === undefined ? { last_stop_at_ms: nowMs } : { stopper };
  return { ...row, state: 'draining', holders: {}, fence: instance.fence + 1, stop_decided_at_ms: nowMs, ...by };
}

export type Leave = { readonly kind: 'wanted-again' } | { readonly kind: 'stop' | 'keep'; readonly change: FleetChange };

/**
 * A machine leaves its run. `seenSeq`: newest wish the worker had seen when it found nothing to do; undefined when the run failed,
 * with `error` as its name. `stop` is told again to a run that asks again: stopping twice is harmless, not stopping is not.
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
  const { row, stop } = released(instance, without(instance.holders, runId), nowMs, runId);
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

/** EC2 has no capacity for `from`: the run takes `to` instead, which nobody holds; without one it goes on with its other machines. */
export function moveOn(
  { pool, instance: from }: Snapshot,
  to: InstanceRow | undefined,
  runId: string,
  nowMs: number,
): FleetChange {
  const { row } = released(from, without(from.holders, runId), nowMs);
  const { serving } = pool;
  if (to === undefined || serving?.run_id !== runId)
    return { pool: next(pool, withoutMachine(pool, runId, from.id, 'no-capacity', nowMs)), instances: [next(from, row)] };
  const machines = serving.machines.map((id) => (id === from.id ? to.id : id));
  const stopped = { instanceId: to.id, state: 'stopped', launchedAtMs: 0 } as const;
  return {
    pool: next(pool, { ...pool, serving: { ...serving, machines, tried: [...serving.tried, from.id] } }),
    instances: [next(from, row), next(to, held(to, runId, nowMs + HOLDER_SECONDS * 1000, stopped))],
  };
}

/** A person holds a machine until a time of their choice; again: until another time. */
export function hold(instance: InstanceRow, holder: string, machine: Machine, untilMs: number): FleetChange | 'draining' {
  if (instance.state === 'draining') return 'draining';
  return { instances: [next(instance, held(instance, holder, untilMs, machine))] };
}

export type LetGo = { readonly kind: 'stop' | 'keep'; readonly change: FleetChange };

/** A person needs the machine no more; by force, nobody else may need it either. */
export function letGo({ pool, instance }: Snapshot, holder: string, isForced: boolean, nowMs: number): LetGo {
  if (!isForced) {
    const { row, stop } = released(instance, without(instance.holders, holder), nowMs);
    return { kind: stop ? 'stop' : 'keep', change: { instances: [next(instance, row)] } };
  }
  const { serving } = pool;
  const left = serving === undefined ? pool : withoutMachine(pool, serving.run_id, instance.id, 'aborted', nowMs);
  return { kind: 'stop', change: { pool: next(pool, left), instances: [next(instance, drained(instance, nowMs))] } };
}

/**
 * A machine that EC2 reports as stopped is free for the next run, unless a stop may still be on its way to EC2.
 * `isStopperOver`: the run that decided the stop is over, or asks itself after its stop was made.
 */
export function confirmStopped(instance: InstanceRow, nowMs: number, isStopperOver: boolean): FleetChange | undefined {
  if (instance.state !== 'draining' || !(instance.stopper === undefined || isStopperOver)) return undefined;
  if (nowMs < (instance.last_stop_at_ms ?? 0) + STOP_SETTLED_SECONDS * 1000) return undefined;
  const { stopper: _gone, ...row } = instance;
  return { instances: [next(instance, { ...row, state: 'idle', started_by_us: false, holders: {} })] };
}

/** A run's own stop gets this long before the reaper makes it too. */
const STOPPER_SECONDS = 60;

export type Reap =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'adopt' | 'forget' | 'stopped'; readonly change: FleetChange }
  | { readonly kind: 'stop'; readonly change: FleetChange };

/**
 * Level-triggered: what has to happen so that the machine's real state and its holders agree.
 * `deadRuns`: holders and stopper whose execution does not run any more.
 */
export function reap(instance: InstanceRow, machine: Machine, deadRuns: ReadonlySet<string>, nowMs: number): Reap {
  if (instance.state === 'draining') {
    const isStopperOver = instance.stopper === undefined || deadRuns.has(instance.stopper);
    if (isDown(machine)) {
      const change = confirmStopped(instance, nowMs, isStopperOver);
      return change === undefined ? { kind: 'nothing' } : { kind: 'stopped', change };
    }
    const isDue = isStopperOver || nowMs > (instance.stop_decided_at_ms ?? 0) + STOPPER_SECONDS * 1000;
    if (machine.state !== 'running' || !isDue) return { kind: 'nothing' };
    return { kind: 'stop', change: { instances: [next(instance, { ...instance, last_stop_at_ms: nowMs })] } };
  }

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
  const { row, stop } = released(instance, holders, nowMs);
  return { kind: stop ? 'stop' : 'forget', change: { instances: [next(instance, row)] } };
}

/** Longest time from a decided stop to a stopped machine before somebody is told. */
const STOP_OVERDUE_SECONDS = 180;
export const isStopOverdue = (instance: InstanceRow, machine: Machine, nowMs: number): boolean =>
  instance.state === 'draining' && !isDown(machine) && nowMs > (instance.stop_decided_at_ms ?? 0) + STOP_OVERDUE_SECONDS * 1000;
