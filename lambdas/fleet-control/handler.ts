import { FleetStep, WORKFLOW_ERRORS } from '../../core/contracts/events.ts';
import { confirm, type FleetDeps, leaveRun, plan } from '../../core/fleet/fleet-service.ts';
import { logger } from '../runtime/logger.ts';

/** An error that the workflow knows by name and waits for. */
class WorkflowError extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

export interface FleetControlDeps extends Omit<FleetDeps, 'runs'> {
  readonly instanceIds: readonly string[];
  /** Looks until `done` says true; false when one invocation's time is over. */
  readonly poll: (done: () => Promise<boolean>) => Promise<boolean>;
}

/** The workflow's steps that decide something: who holds the machine, who stops it, whether it has stopped. */
export const buildHandler = (deps: FleetControlDeps) => async (event: unknown) => {
  const input = FleetStep.parse(event);
  if (input.step === 'plan') {
    const planned = await plan(deps, input.runId, deps.instanceIds);
    if (planned.kind === 'draining') throw new WorkflowError(WORKFLOW_ERRORS.draining, 'a stop is under way');
    return { instances: planned.instanceIds.map((instanceId) => ({ instanceId })) };
  }
  if (input.step === 'leave') {
    const next = await leaveRun(deps, input.runId, input.instanceId, input.seenSeq);
    if (input.seenSeq === undefined)
      logger.error('run failed', { runId: input.runId, instanceId: input.instanceId, error: input.error });
    return { next, failed: input.seenSeq === undefined };
  }
  if (await deps.poll(() => confirm(deps, input.instanceId))) return { stopped: true };
  throw new WorkflowError(WORKFLOW_ERRORS.notStopped, 'the instance has not stopped yet');
};
