import { FleetStep, WORKFLOW_ERRORS } from '../../core/contracts/events.ts';
import type { FleetDeps } from '../../core/fleet/decide.ts';
import type { Runs } from '../../core/fleet/ports.ts';
import { confirm, leaveRun, nextMachine, type PlanLimits, plan, startMachine } from '../../core/fleet/run-steps.ts';
import { logger } from '../runtime/logger.ts';

/** The first boot installs drivers and packages and downloads the model. A machine that is not ready in time is stopped. */
const FIRST_BOOT_SECONDS = 600;
const BOOT_SECONDS = 300;

/** An error that the workflow retries or catches by its name. */
class WorkflowError extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

export interface FleetControlDeps extends Omit<FleetDeps, 'runs'>, PlanLimits {
  /** Executions of the calling state machine. Its ARN is in the input; in the environment it would be a circular dependency. */
  readonly runsOf: (stateMachineArn: string) => Runs;
  /** Polls `done` until it returns true; returns false when the time of one invocation is over. */
  readonly poll: (done: () => Promise<boolean>) => Promise<boolean>;
}

/** The deciding steps of the workflow: which run holds which machine, which run stops it, and whether it has stopped. */
export const buildHandler = (deps: FleetControlDeps) => async (event: unknown) => {
  const input = FleetStep.parse(event);
  const { runId } = input;
  switch (input.step) {
    case 'plan': {
      let planned = await plan({ ...deps, runs: deps.runsOf(input.stateMachineArn) }, deps, runId);
      await deps.poll(async () => {
        if (planned.kind === 'draining') planned = await plan({ ...deps, runs: deps.runsOf(input.stateMachineArn) }, deps, runId);
        return planned.kind !== 'draining';
      });
      if (planned.kind === 'draining') throw new WorkflowError(WORKFLOW_ERRORS.draining, 'an instance is still stopping');
      const instanceIds = planned.kind === 'planned' ? planned.instanceIds : [];
      logger.info('planned', { runId, kind: planned.kind, instanceIds });
      return { instances: instanceIds.map((instanceId) => ({ instanceId })) };
    }
    case 'start': {
      const started = await startMachine(deps, runId, input.instanceId);
      if (started.kind === 'started') return { bootSeconds: started.isFirstBoot ? FIRST_BOOT_SECONDS : BOOT_SECONDS };
      if (started.kind === 'not-held') throw new Error('this run no longer holds the instance');
      if (started.kind === 'no-capacity')
        throw new WorkflowError(WORKFLOW_ERRORS.noCapacity, 'EC2 has no capacity for this instance');
      throw new WorkflowError(WORKFLOW_ERRORS.notYetStartable, 'the instance cannot be started yet');
    }
    case 'next-machine': {
      const instanceId = await nextMachine(deps, runId, input.instanceId);
      logger.warn('no capacity', { runId, instanceId: input.instanceId, next: instanceId });
      return instanceId === undefined ? { found: false } : { found: true, instanceId };
    }
    case 'leave': {
      const next = await leaveRun(deps, runId, input.instanceId, input.seenSeq, input.error);
      if (input.seenSeq === undefined) logger.error('run failed', { runId, instanceId: input.instanceId, error: input.error });
      return { next, failed: input.seenSeq === undefined };
    }
    case 'confirm-stopped': {
      if (await deps.poll(() => confirm(deps, runId, input.instanceId))) return { stopped: true };
      throw new WorkflowError(WORKFLOW_ERRORS.notStopped, 'the instance has not stopped yet');
    }
  }
};
