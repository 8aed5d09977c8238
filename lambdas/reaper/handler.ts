import { requeueUnserved, type UnservedDeps } from '../../core/chunk-cache/unserved.ts';
import { needsRun } from '../../core/fleet/fleet.ts';
import { type FleetDeps, reapInstance, wake } from '../../core/fleet/fleet-service.ts';
import { logger } from '../runtime/logger.ts';

export interface ReaperDeps extends FleetDeps, UnservedDeps {
  readonly instanceIds: readonly string[];
}

/**
 * Every minute: machines and holders are made to agree, then work that nobody serves gets a run. It looks at what is,
 * not at what was announced, so any event may be lost.
 */
export const buildHandler = (deps: ReaperDeps) => async (): Promise<void> => {
  for (const instanceId of deps.instanceIds) {
    const outcome = await reapInstance(deps, instanceId);
    if (outcome !== 'nothing') logger.warn('reaped', { instanceId, outcome });
  }
  const pool = await deps.store.readPool();
  const served = pool.serving_run !== undefined;
  // After failed runs nobody boots for a while: messages sent meanwhile would only pile up.
  if (!served && !needsRun(pool, deps.nowMs())) return;
  const requeued = await requeueUnserved(deps, served);
  if (requeued > 0) {
    logger.warn('work without a worker', { requeued });
    await wake(deps);
  }
};
