/**
 * How a GPU run starts, and its steps with each of its machines.
 *
 *   wake: a run is requested -> plan: it joins machines -> startMachine (no capacity: nextMachine) -> the worker works
 *   -> leaveRun: drained, or failed -> the workflow stops the machine -> confirm
 *
 * Gotchas: each step may be repeated. A run that has ended joins no machine. If a run dies, the reaper stops its machines.
 */
import { DomainError } from '../errors.ts';
import { type Decision, decide, describe, type FleetDeps, type StepDeps } from './decide.ts';
import { confirmStopped, isUp, join, type Leave, leave, replaceMachine } from './fleet.ts';
import { needsRun, next, poolAfterRun, runName } from './pool.ts';
import type { Machine } from './ports.ts';

/** Requests a run for stored work. No request is lost: a run that leaves has seen the newest one. */
export async function wake({ store, runs, nowMs }: Pick<FleetDeps, 'store' | 'runs' | 'nowMs'>): Promise<void> {
  const pool = await store.raiseWanted();
  if (!needsRun(pool, nowMs())) return;
  const runId = runName(pool);
  if ((await runs.start(runId)) === 'started' || (await runs.status(runId)) === 'running') return;
  // The run of this name ended before it joined a machine. Only a new epoch frees the name of the next run.
  await store.commit({ pool: next(pool, poolAfterRun(pool, runId, 'failed', nowMs())) });
}

/** How many machines the work needs, and whether the budget allows a start. */
export interface PlanLimits {
  /** At least one. */
  readonly machinesWanted: () => Promise<number>;
  readonly isBudgetSpent: () => Promise<boolean>;
}

export type Plan =
  | { readonly kind: 'planned'; readonly instanceIds: readonly string[] }
  | { readonly kind: 'draining' }
  | { readonly kind: 'no-budget' };

/**
 * Joins as many machines as the work needs, running ones first; none if another run is serving. If all machines are being
 * stopped, it confirms each stop as soon as possible and returns `draining` until then.
 */
export async function plan(deps: FleetDeps, limits: PlanLimits, runId: string): Promise<Plan> {
  const machines = await deps.machines.describe(deps.instanceIds);
  const rank = (machine: Machine): number => (isUp(machine) ? 0 : 100) + deps.instanceIds.indexOf(machine.instanceId);
  const usable = machines.filter(({ state }) => state !== 'gone').sort((a, b) => rank(a) - rank(b));
  if (usable.length === 0) throw new DomainError('not-found', 'no GPU instance of the pool exists');
  if (!usable.some(isUp) && (await limits.isBudgetSpent())) {
    await decide(deps.store, usable[0]?.instanceId ?? '', ({ pool }) => ({
      kind: 'no-budget',
      change: { pool: next(pool, poolAfterRun(pool, runId, 'no-budget', deps.nowMs())) },
    }));
    return { kind: 'no-budget' };
  }
  const wanted = await limits.machinesWanted();
  const joined: string[] = [];
  let isDraining = false;
  for (const machine of usable) {
    if (joined.length >= wanted) break;
    const { kind } = await decide(deps.store, machine.instanceId, (snapshot) => join(snapshot, runId, machine, deps.nowMs()));
    if (kind === 'served' || kind === 'over') return { kind: 'planned', instanceIds: joined };
    if (kind === 'draining') {
      isDraining = true;
      await confirmAbandoned(deps, machine);
    } else joined.push(machine.instanceId);
  }
  return joined.length === 0 && isDraining ? { kind: 'draining' } : { kind: 'planned', instanceIds: joined };
}

/** Ends `draining` once the machine is down and no caller can still stop it; the next call of `plan` may join. */
async function confirmAbandoned(deps: FleetDeps, machine: Machine): Promise<void> {
  if (machine.state !== 'stopped') return;
  const { stopper } = await deps.store.readInstance(machine.instanceId);
  const isOver = stopper !== undefined && (await deps.runs.status(stopper)) !== 'running';
  await decide(deps.store, machine.instanceId, ({ instance }) => ({
    kind: 'confirmed',
    change: instance.stopper === stopper ? confirmStopped(instance, deps.nowMs(), isOver) : undefined,
  }));
}

export type StartStep =
  | { readonly kind: 'no-capacity' | 'not-yet' | 'not-held' }
  | { readonly kind: 'started'; isFirstBoot: boolean };

/** Starts the machine for a run that holds it. */
export async function startMachine(deps: StepDeps, runId: string, instanceId: string): Promise<StartStep> {
  const { holders, ready_once } = await deps.store.readInstance(instanceId);
  if (holders[runId] === undefined) return { kind: 'not-held' };
  const kind = await deps.machines.start(instanceId);
  return kind === 'started' ? { kind, isFirstBoot: !ready_once } : { kind };
}

/** Replaces a machine that EC2 has no capacity for with another one of the pool. Returns its id; undefined if all were tried. */
export async function nextMachine(deps: StepDeps, runId: string, instanceId: string): Promise<string | undefined> {
  const { serving } = await deps.store.readPool();
  const known = [...(serving?.machines ?? []), ...(serving?.tried ?? [])];
  for (const id of deps.instanceIds.filter((candidate) => !known.includes(candidate))) {
    const machine = await describe(deps.machines, id);
    const { kind } = await decide(deps.store, instanceId, async (snapshot): Promise<Decision> => {
      if (!snapshot.pool.serving?.machines.includes(instanceId)) return { kind: 'gone' };
      const candidate = await deps.store.readInstance(id);
      if (candidate.state !== 'idle' || machine.state !== 'stopped') return { kind: 'taken' };
      return { kind: 'moved', change: replaceMachine(snapshot, candidate, runId, deps.nowMs()) };
    });
    if (kind === 'moved') return id;
    if (kind === 'gone') return undefined;
  }
  await decide(deps.store, instanceId, (snapshot) => ({
    kind: 'none-left',
    change: replaceMachine(snapshot, undefined, runId, deps.nowMs()),
  }));
  return undefined;
}

/** A machine leaves its run. @see leave */
export async function leaveRun(
  deps: StepDeps,
  runId: string,
  instanceId: string,
  seenSeq?: number,
  error?: string,
): Promise<Leave['kind']> {
  const { kind } = await decide(deps.store, instanceId, (snapshot) => leave(snapshot, runId, seenSeq, deps.nowMs(), error));
  return kind;
}

/** Whether EC2 and the row show the machine as stopped. Also true if the stop is no longer this run's. */
export async function confirm(deps: StepDeps, runId: string, instanceId: string): Promise<boolean> {
  const machine = await describe(deps.machines, instanceId);
  if (machine.state !== 'stopped' && machine.state !== 'gone') return false;
  const { kind } = await decide(deps.store, instanceId, ({ instance }) => {
    if (instance.state !== 'draining' || instance.stopper !== runId) return { kind: 'not-ours' };
    const change = confirmStopped(instance, deps.nowMs(), true);
    return change === undefined ? { kind: 'too-early' } : { kind: 'confirmed', change };
  });
  return kind !== 'too-early';
}
