import { requeueUnserved, type UnservedDeps } from '../../core/chunk-cache/unserved.ts';
import { RunEnded } from '../../core/contracts/events.ts';
import { METRICS, type Metric } from '../../core/contracts/metrics.ts';
import type { FleetDeps } from '../../core/fleet/decide.ts';
import { needsRun } from '../../core/fleet/pool.ts';
import { reapInstance, reapPool } from '../../core/fleet/reaping.ts';
import { wake } from '../../core/fleet/run-steps.ts';
import { costToday, type LedgerDeps, recordGpuTime, workerMemory } from '../../core/ledger/ledger-service.ts';
import { logger } from '../runtime/logger.ts';

export interface ReaperDeps extends FleetDeps, UnservedDeps, LedgerDeps {
  readonly publish: (values: Partial<Record<Metric, number>>) => Promise<void>;
}

/**
 * Every minute: machines and holders are made to agree, EC2's running times are noted, then work that nobody serves gets a
 * run. It looks at what is, not at what was announced, so any event may be lost. One machine's trouble is not the next one's.
 */
export const buildHandler =
  (deps: ReaperDeps) =>
  async (event?: unknown): Promise<void> => {
    const failures: unknown[] = [];
    let runs = false;
    for (const instanceId of deps.instanceIds) {
      try {
        const { kind, machine, isStopOverdue } = await reapInstance(deps, instanceId);
        if (kind !== 'nothing') logger.warn('reaped', { instanceId, outcome: kind });
        await recordGpuTime(deps, machine);
        if (isStopOverdue) await deps.publish({ [METRICS.stopNotConfirmed]: 1 });
        runs ||= machine.state === 'running';
      } catch (error) {
        logger.error('instance not reaped', error as Error);
        failures.push(error);
      }
    }
    if (runs) {
      const memoryMb = await workerMemory(deps);
      const cost = { [METRICS.costToday]: (await costToday(deps)).usd };
      await deps.publish({ ...cost, ...(memoryMb !== undefined && { [METRICS.workerMemory]: memoryMb }) });
    }
    const { pool, hasEnded } = await reapPool(deps);
    const served = pool.serving !== undefined;
    // While nobody may boot a machine, messages would only pile up.
    if (served || needsRun(pool, deps.nowMs())) {
      const isLeft = hasEnded || (!served && RunEnded.safeParse(event).success);
      const requeued = await requeueUnserved(deps, isLeft ? 'left' : served ? 'served' : 'unserved');
      if (requeued > 0) {
        logger.warn('work without a worker', { requeued });
        await wake(deps);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'some instances could not be looked after');
  };
