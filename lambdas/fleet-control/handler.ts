import { FleetStep, WORKFLOW_ERRORS } from '../../core/contracts/events.ts';
import type { FleetDeps } from '../../core/fleet/decide.ts';
import type { Runs } from '../../core/fleet/ports.ts';
import { confirm, leaveRun, nextMachine, type PlanLimits, plan, startMachine } from '../../core/fleet/run-steps.ts';
import { logger } from '../runtime/logger.ts';

/** Drivers, packages and a first download of the model; a machine that is not ready by then is stopped. */
const FIRST_BOOT_SECONDS = 600;
const BOOT_SECONDS = 300;

/** An error that the workflow knows by name, and retries or catches. */
class WorkflowError extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

export interface FleetControlDeps extends Omit<FleetDeps, 'runs'>, PlanLimits {
  /** Executions of a state machine; it calls this function, so only its input can name it. */
  readonly runsOf: (stateMachineArn: string) => Runs;
  /** Looks until `done` says true; false when one invocation's time is over. */
  readonly poll: (done: () => Promise<boolean>) => Promise<boolean>;
}

/** The workflow's steps that decide something: who holds which machine, who stops it, whether it has stopped. */
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
      if (planned.kind === 'draining') throw new WorkflowError(WORKFLOW_ERRORS.draining, 'a stop is under way');
      const instanceIds = planned.kind === 'planned' ? planned.instanceIds : [];
      logger.info('planned', { runId, kind: planned.kind, instanceIds });
      return { instances: instanceIds.map((instanceId) => ({ instanceId })) };
    }
    case 'start': {
      const started = await startMachine(deps, runId, input.instanceId);
      if (started.kind === 'started') return { bootSeconds: started.isFirstBoot ? FIRST_BOOT_SECONDS : BOOT_SECONDS };
      if (started.kind === 'not-held') throw new Error('this run does not hold the instance any more');
      if (started.kind === 'no-capacity') throw new WorkflowError(WORKFLOW_ERRORS.noCapacity, 'EC2 has no such instance to give');
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
