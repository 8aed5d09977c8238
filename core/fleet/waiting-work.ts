import { requeueUnserved, type UnservedDeps } from '../chunk-cache/unserved.ts';
import type { FleetDeps } from './decide.ts';
import { needsRun } from './pool.ts';
import { reapPool } from './reaping.ts';
import { wake } from './run-steps.ts';

/** Stores of runs and rows, and the queues. */
export type WaitingWorkDeps = Pick<FleetDeps, 'store' | 'runs'> & Omit<UnservedDeps, 'wake'>;

/**
 * Ends the serving run if its execution is over, then resends the messages of rows that wait, and requests a run for them.
 * Returns the number of these rows. `isRunOver`: whether an event has just reported the end of a run.
 */
export async function serveWaitingWork(deps: WaitingWorkDeps, isRunOver: boolean): Promise<number> {
  const { pool, hasEnded } = await reapPool(deps);
  const isServed = pool.serving !== undefined;
  // While no machine may start, new messages would only accumulate.
  if (!isServed && !needsRun(pool, deps.nowMs())) return 0;
  const isOrphaned = hasEnded || (!isServed && isRunOver);
  const unserved = isServed ? 'served' : 'unserved';
  return requeueUnserved({ ...deps, wake: () => wake(deps) }, isOrphaned ? 'orphaned' : unserved);
}
