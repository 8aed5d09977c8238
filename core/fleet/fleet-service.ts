/** The fleet decisions carried out: read, decide, write; again when somebody else wrote in between. */
import { DomainError } from '../errors.ts';
import {
  confirmStopped,
  join,
  type Leave,
  leave,
  needsRun,
  type Reap,
  reap,
  runName,
  type Snapshot,
  skipEpoch,
} from './fleet.ts';
import type { FleetChange, FleetStore, Machine, Machines, RunStatus, Runs } from './ports.ts';

export interface FleetDeps {
  readonly store: FleetStore;
  readonly machines: Machines;
  readonly runs: Runs;
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
  decision: (snapshot: Snapshot) => D,
): Promise<D> {
  for (let collision = 0; collision < MAX_COLLISIONS; collision += 1) {
    const [pool, instance] = await Promise.all([store.readPool(), store.readInstance(instanceId)]);
    const decided = decision({ pool, instance });
    if (decided.change === undefined || (await store.commit(decided.change)) === 'committed') return decided;
  }
  throw new DomainError('busy', 'the fleet row changes faster than it can be written');
}

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
  await store.commit({ pool: skipEpoch(pool, nowMs()) });
}

export type Plan = { readonly kind: 'planned'; readonly instanceIds: readonly string[] } | { readonly kind: 'draining' };

/** Joins the first instance of the pool that is there; no instances when another run serves already. */
export async function plan(deps: StepDeps, runId: string, instanceIds: readonly string[]): Promise<Plan> {
  for (const instanceId of instanceIds) {
    const machine = await describe(deps.machines, instanceId);
    if (machine.state === 'gone') continue;
    const joined = await decide(deps.store, instanceId, (snapshot) => join(snapshot, runId, machine, deps.nowMs()));
    if (joined.kind === 'draining') return { kind: 'draining' };
    return { kind: 'planned', instanceIds: joined.kind === 'served' ? [] : [instanceId] };
  }
  throw new DomainError('not-found', 'none of the GPU instances exists');
}

export async function leaveRun(deps: StepDeps, runId: string, instanceId: string, seenSeq?: number): Promise<Leave['kind']> {
  const { kind } = await decide(deps.store, instanceId, (snapshot) => leave(snapshot, runId, seenSeq, deps.nowMs()));
  return kind;
}

/** True once EC2 says stopped and the row says so too. */
export async function confirm(deps: StepDeps, instanceId: string): Promise<boolean> {
  const machine = await describe(deps.machines, instanceId);
  if (machine.state !== 'stopped' && machine.state !== 'gone') return false;
  await decide(deps.store, instanceId, ({ instance }) =>
    instance.state === 'draining' ? { kind: 'stopped', change: confirmStopped(instance) } : { kind: 'nothing' },
  );
  return true;
}

/** One pass over one instance; a stop that is refused is tried again by the next pass. */
export async function reapInstance(deps: FleetDeps, instanceId: string): Promise<Reap['kind']> {
  const before = await deps.store.readInstance(instanceId);
  const { serving_run } = await deps.store.readPool();
  const named = new Set([...Object.keys(before.holders), ...(serving_run === undefined ? [] : [serving_run])]);
  const dead = new Map<string, RunStatus>();
  for (const runId of named) {
    const status = runId.startsWith('run-') ? await deps.runs.status(runId) : 'running';
    if (status !== 'running') dead.set(runId, status);
  }
  const machine = await describe(deps.machines, instanceId);
  const { kind } = await decide(deps.store, instanceId, (snapshot) => reap(snapshot, machine, dead, deps.nowMs()));
  // EC2 refuses to stop a machine that is still starting; the stop is decided, and the pass after its start makes it.
  if (kind === 'stop' && machine.state === 'running') await deps.machines.stop(instanceId);
  return kind;
}
