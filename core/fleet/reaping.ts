/** Machines, rows and executions made to agree, by looking at what is. */
import type { PoolRow } from '../contracts/rows.ts';
import { decide, describe, type FleetDeps } from './decide.ts';
import { isRun, isStopOverdue, type Reap, reap } from './fleet.ts';
import { ended, next } from './pool.ts';
import type { Machine } from './ports.ts';

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

/** A serving run whose execution is over serves no more; `hasEnded` when that was found now. */
export async function reapPool({
  store,
  runs,
  nowMs,
}: Pick<FleetDeps, 'store' | 'runs' | 'nowMs'>): Promise<{ readonly pool: PoolRow; readonly hasEnded: boolean }> {
  const pool = await store.readPool();
  if (pool.serving === undefined) return { pool, hasEnded: false };
  const status = await runs.status(pool.serving.run_id);
  if (status === 'running') return { pool, hasEnded: false };
  const outcome = status === 'aborted' ? 'aborted' : pool.serving.drained ? 'done' : 'failed';
  await store.commit({ pool: next(pool, ended(pool, pool.serving.run_id, outcome, nowMs())) });
  return { pool: await store.readPool(), hasEnded: true };
}
