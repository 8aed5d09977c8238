/** What a run does with its machines, step by step, and how one comes to be. */
import { DomainError } from '../errors.ts';
import { type Decision, decide, describe, type FleetDeps, type StepDeps } from './decide.ts';
import { confirmStopped, isUp, join, type Leave, leave, moveOn } from './fleet.ts';
import { ended, needsRun, next, runName } from './pool.ts';
import type { Machine } from './ports.ts';

/** Asks for a run after a wish was written down. Never throws away a wish: a run that leaves has looked again first. */
export async function wake({ store, runs, nowMs }: Pick<FleetDeps, 'store' | 'runs' | 'nowMs'>): Promise<void> {
  const pool = await store.raiseWanted();
  if (!needsRun(pool, nowMs())) return;
  const runId = runName(pool);
  if ((await runs.start(runId)) === 'started' || (await runs.status(runId)) === 'running') return;
  // The run of this name died before it joined anything: without a new epoch its name would block all runs after it.
  await store.commit({ pool: next(pool, ended(pool, runId, 'failed', nowMs())) });
}

/** How much there is to do, and what may be spent on it. */
export interface PlanLimits {
  /** Machines for this much work, at least one. */
  readonly machinesWanted: () => Promise<number>;
  readonly isBudgetSpent: () => Promise<boolean>;
}

export type Plan =
  | { readonly kind: 'planned'; readonly instanceIds: readonly string[] }
  | { readonly kind: 'draining' }
  | { readonly kind: 'no-budget' };

/**
 * Joins as many machines as the work needs, those that run first; none when another run serves already.
 * Where all that is left is being stopped, the stop is confirmed here as soon as it may be: `draining` until then.
 */
export async function plan(deps: FleetDeps, limits: PlanLimits, runId: string): Promise<Plan> {
  const machines = await deps.machines.describe(deps.instanceIds);
  const rank = (machine: Machine): number => (isUp(machine) ? 0 : 100) + deps.instanceIds.indexOf(machine.instanceId);
  const usable = machines.filter(({ state }) => state !== 'gone').sort((a, b) => rank(a) - rank(b));
  if (usable.length === 0) throw new DomainError('not-found', 'none of the GPU instances exists');
  if (!usable.some(isUp) && (await limits.isBudgetSpent())) {
    await decide(deps.store, usable[0]?.instanceId ?? '', ({ pool }) => ({
      kind: 'no-budget',
      change: { pool: next(pool, ended(pool, runId, 'no-budget', deps.nowMs())) },
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

/** Ends `draining` once the machine is down and nobody can stop it any more; the next look may join. */
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

/** Another machine of the pool in the place of one that EC2 has no capacity for; undefined when all were tried. */
export async function nextMachine(deps: StepDeps, runId: string, instanceId: string): Promise<string | undefined> {
  const { serving } = await deps.store.readPool();
  const known = [...(serving?.machines ?? []), ...(serving?.tried ?? [])];
  for (const id of deps.instanceIds.filter((candidate) => !known.includes(candidate))) {
    const machine = await describe(deps.machines, id);
    const { kind } = await decide(deps.store, instanceId, async (snapshot): Promise<Decision> => {
      if (!snapshot.pool.serving?.machines.includes(instanceId)) return { kind: 'gone' };
      const candidate = await deps.store.readInstance(id);
      if (candidate.state !== 'idle' || machine.state !== 'stopped') return { kind: 'taken' };
      return { kind: 'moved', change: moveOn(snapshot, candidate, runId, deps.nowMs()) };
    });
    if (kind === 'moved') return id;
    if (kind === 'gone') return undefined;
  }
  await decide(deps.store, instanceId, (snapshot) => ({
    kind: 'given-up',
    change: moveOn(snapshot, undefined, runId, deps.nowMs()),
  }));
  return undefined;
}

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

/** True once EC2 says stopped and the row says so too, after this run's own stop. */
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
