/** The fleet decisions carried out: read, decide, write; again when somebody else wrote in between. */
import type { PoolRow } from '../contracts/rows.ts';
import { DomainError } from '../errors.ts';
import {
  confirmStopped,
  hold,
  isRun,
  isStopOverdue,
  isUp,
  join,
  type Leave,
  leave,
  letGo,
  moveOn,
  personHolder,
  type Reap,
  reap,
  type Snapshot,
} from './fleet.ts';
import { ended, needsRun, next, runName } from './pool.ts';
import type { FleetChange, FleetStore, Machine, Machines, Runs } from './ports.ts';

export interface FleetDeps {
  readonly store: FleetStore;
  readonly machines: Machines;
  readonly runs: Runs;
  /** Machines of the pool in the order in which they are preferred. */
  readonly instanceIds: readonly string[];
  readonly nowMs: () => number;
}

type StepDeps = Omit<FleetDeps, 'runs'>;

/** Writers of one row are few; this many collisions in a row mean that something else is wrong. */
const MAX_COLLISIONS = 50;

interface Decision {
  readonly kind: string;
  readonly change?: FleetChange | undefined;
}

async function decide<D extends Decision>(
  store: FleetStore,
  instanceId: string,
  decision: (snapshot: Snapshot) => D | Promise<D>,
): Promise<D> {
  for (let collision = 0; collision < MAX_COLLISIONS; collision += 1) {
    const [pool, instance] = await Promise.all([store.readPool(), store.readInstance(instanceId)]);
    const decided = await decision({ pool, instance });
    if (decided.change === undefined || (await store.commit(decided.change)) === 'committed') return decided;
  }
  throw new DomainError('busy', 'the fleet row changes faster than it can be written');
}

/** What EC2 says now; a machine that it does not know is gone. */
async function describe(machines: Machines, instanceId: string): Promise<Machine> {
  const [machine] = await machines.describe([instanceId]);
  return machine ?? { instanceId, state: 'gone', launchedAtMs: 0 };
}

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

export async function leaveRun(deps: StepDeps, runId: string, instanceId: string, seenSeq?: number): Promise<Leave['kind']> {
  const { kind } = await decide(deps.store, instanceId, (snapshot) => leave(snapshot, runId, seenSeq, deps.nowMs()));
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

export type PersonStart =
  | { readonly kind: 'held'; readonly instanceId: string; readonly machine: Machine['state'] }
  | { readonly kind: 'no-capacity' | 'draining' };

/** A person holds the first machine of the pool that can be had, the running ones first, and it is started. */
export async function startForPerson(deps: StepDeps, userId: string, untilMs: number): Promise<PersonStart> {
  const holder = personHolder(userId);
  const machines = (await deps.machines.describe(deps.instanceIds)).filter(({ state }) => state !== 'gone');
  const rows = await Promise.all(machines.map(({ instanceId }) => deps.store.readInstance(instanceId)));
  const isHeld = ({ instanceId }: Machine): boolean => rows.some((row) => row.id === instanceId && row.holders[holder]);
  const rank = (machine: Machine): number => (isHeld(machine) ? 0 : machine.state === 'running' ? 1 : 2);
  let outcome: 'no-capacity' | 'draining' = 'draining';
  for (const machine of machines.sort((a, b) => rank(a) - rank(b))) {
    const { instanceId } = machine;
    const { kind } = await decide(deps.store, instanceId, ({ instance }) => {
      const change = hold(instance, holder, machine, untilMs);
      return change === 'draining' ? { kind: 'draining' } : { kind: 'held', change };
    });
    if (kind === 'draining') continue;
    const started = await deps.machines.start(instanceId);
    if (started === 'started') return { kind: 'held', instanceId, machine: machine.state === 'running' ? 'running' : 'pending' };
    if (started === 'no-capacity') outcome = 'no-capacity';
    await decide(deps.store, instanceId, (snapshot) => letGo(snapshot, holder, false, deps.nowMs()));
  }
  return { kind: outcome };
}

export interface PersonStop {
  readonly stopped: readonly string[];
  /** Machines that go on because somebody else needs them. */
  readonly kept: readonly string[];
}

/** A person lets go of the machines they hold, or by force of all: these stop under whoever works there. */
export async function stopForPerson(deps: StepDeps, userId: string, isForced: boolean): Promise<PersonStop> {
  const holder = personHolder(userId);
  const stopped: string[] = [];
  const kept: string[] = [];
  for (const machine of await deps.machines.describe(deps.instanceIds)) {
    const { instanceId, state } = machine;
    const { kind } = await decide(deps.store, instanceId, (snapshot): Decision => {
      if (!isForced && snapshot.instance.holders[holder] === undefined) return { kind: isUp(machine) ? 'keep' : 'nothing' };
      if (isForced && !isUp(machine)) return { kind: 'nothing' };
      return letGo(snapshot, holder, isForced, deps.nowMs());
    });
    // EC2 refuses to stop a machine that is still starting: the stop is decided, and the reaper makes it.
    if (kind === 'stop' && state === 'running') await deps.machines.stop(instanceId);
    if (kind === 'stop') stopped.push(instanceId);
    if (kind === 'keep') kept.push(instanceId);
  }
  return { stopped, kept };
}

/** Machine and row as one pass of the reaper found them, what it did, and whether a stop takes too long. */
export interface Reaped {
  readonly kind: Reap['kind'];
  readonly machine: Machine;
  readonly isStopOverdue: boolean;
}

/** One pass over one instance; a stop that is refused is tried again by the next pass. */
export async function reapInstance(deps: FleetDeps, instanceId: string): Promise<Reaped> {
  const before = await deps.store.readInstance(instanceId);
  const named = [...Object.keys(before.holders), ...(before.stopper === undefined ? [] : [before.stopper])];
  const dead = new Set<string>();
  for (const holder of named) if (isRun(holder) && (await deps.runs.status(holder)) !== 'running') dead.add(holder);
  const machine = await describe(deps.machines, instanceId);
  const { kind } = await decide(deps.store, instanceId, ({ instance }) => reap(instance, machine, dead, deps.nowMs()));
  // EC2 refuses to stop a machine that is still starting; the stop is decided, and the pass after its start makes it.
  if (kind === 'stop' && machine.state === 'running') await deps.machines.stop(instanceId);
  return { kind, machine, isStopOverdue: isStopOverdue(before, machine, deps.nowMs()) };
}

/** A serving run whose execution is over serves no more; answers the pool. */
export async function reapPool({ store, runs, nowMs }: Pick<FleetDeps, 'store' | 'runs' | 'nowMs'>): Promise<PoolRow> {
  const pool = await store.readPool();
  if (pool.serving === undefined) return pool;
  const status = await runs.status(pool.serving.run_id);
  if (status === 'running') return pool;
  const outcome = status === 'aborted' ? 'aborted' : pool.serving.drained ? 'done' : 'failed';
  await store.commit({ pool: next(pool, ended(pool, pool.serving.run_id, outcome, nowMs())) });
  return store.readPool();
}
