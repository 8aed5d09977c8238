/**
 * The reaper: reconciles the fleet's rows with the actual states of machines (EC2) and executions (Step Functions).
 *
 * Steps for a machine: find the holders whose execution is over -> decide (`reap` in fleet.ts) and commit -> send the stop.
 * For the pool: if the execution of the serving run is over, end the run.
 *
 * Gotcha: a pass reads states, never events. So the next pass repeats everything that failed or was lost.
 */
import type { PoolRow } from '../contracts/rows.ts';
import { decide, describe, type FleetDeps } from './decide.ts';
import { isRun, isStopOverdue, type Reap, reap } from './fleet.ts';
import { next, poolAfterRun } from './pool.ts';
import type { Machine } from './ports.ts';

/** Result of a pass over one machine: what was done, and whether a stop takes too long. */
export interface Reaped {
  readonly kind: Reap['kind'];
  readonly machine: Machine;
  readonly isStopOverdue: boolean;
}

/** One pass over one machine; the next pass repeats a stop that EC2 refuses. */
export async function reapInstance(deps: FleetDeps, instanceId: string): Promise<Reaped> {
  const before = await deps.store.readInstance(instanceId);
  const named = [...Object.keys(before.holders), ...(before.stopper === undefined ? [] : [before.stopper])];
  const dead = new Set<string>();
  for (const holder of named) if (isRun(holder) && (await deps.runs.status(holder)) !== 'running') dead.add(holder);
  const machine = await describe(deps.machines, instanceId);
  const { kind } = await decide(deps.store, instanceId, ({ instance }) => reap(instance, machine, dead, deps.nowMs()));
  // EC2 refuses to stop a machine that is starting: the stop is decided, and a later pass sends it.
  if (kind === 'stop' && machine.state === 'running') await deps.machines.stop(instanceId);
  if (kind === 'force-stop') await deps.machines.stop(instanceId, true);
  return { kind, machine, isStopOverdue: isStopOverdue(before, machine, deps.nowMs()) };
}

/** Ends a serving run whose execution is over. `hasEnded`: whether this call ended one. */
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
  await store.commit({ pool: next(pool, poolAfterRun(pool, pool.serving.run_id, outcome, nowMs())) });
  return { pool: await store.readPool(), hasEnded: true };
}
