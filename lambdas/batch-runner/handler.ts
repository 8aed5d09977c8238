import type { Context } from 'aws-lambda';
import { type RunnerDeps, tick } from '../../core/batch-run/run.ts';
import { beginScheduled } from '../../core/batch-run/schedule.ts';
import { BatchStart } from '../../core/contracts/events.ts';
import { containmentOf } from '../runtime/containment.ts';
import { logger } from '../runtime/logger.ts';

/**
 * A scheduled event starts a run named after its scheduled time, so a duplicate event finds the existing run. Every invocation
 * (each minute, after a GPU run, after a manual start) advances active runs.
 */
export const buildHandler =
  (deps: RunnerDeps) =>
  async (event: unknown, context: Pick<Context, 'getRemainingTimeInMillis'>): Promise<void> => {
    const start = BatchStart.safeParse(event).data;
    if (start !== undefined) {
      const run = await beginScheduled(deps, start.scheduledTime);
      if (run === undefined) return logger.info('the schedule is paused');
      logger.info('scheduled run', { runId: run.id, state: run.state });
    }
    for (const run of await tick(deps, containmentOf(context, deps.publish)))
      logger.info('batch run', { runId: run.id, state: run.state, status: run.status });
  };
