import { begin, type RunnerDeps, tick } from '../../core/batch-run/run.ts';
import { BatchStart } from '../../core/contracts/events.ts';
import { logger } from '../runtime/logger.ts';

/**
 * The schedule begins a run, named by the time that it meant; every minute, the end of a GPU run and a run begun by hand
 * move on what is under way. A schedule that fires twice finds its run.
 */
export const buildHandler =
  (deps: RunnerDeps) =>
  async (event?: unknown): Promise<void> => {
    const start = BatchStart.safeParse(event).data;
    if (start !== undefined) {
      const { is_paused } = await deps.batch.readState();
      if (is_paused) return logger.info('the schedule is paused');
      const run = await begin(deps, { trigger: 'schedule', dryRun: false, slotMs: start.scheduledTime });
      logger.info('scheduled run', { runId: run.id, state: run.state });
    }
    for (const run of await tick(deps)) logger.info('batch run', { runId: run.id, state: run.state, status: run.status });
  };
