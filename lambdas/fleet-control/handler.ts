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

type Input<Step extends FleetStep['step']> = Extract<FleetStep, { readonly step: Step }>;

/** Joins machines to the run. While all of them are being stopped, it plans again for the time of one invocation. */
async function planRun(deps: FleetControlDeps, { runId, stateMachineArn }: Input<'plan'>) {
  const fleet = { ...deps, runs: deps.runsOf(stateMachineArn) };
  let planned = await plan(fleet, deps, runId);
  await deps.poll(async () => {
    if (planned.kind === 'draining') planned = await plan(fleet, deps, runId);
    return planned.kind !== 'draining';
  });
  if (planned.kind === 'draining') throw new WorkflowError(WORKFLOW_ERRORS.draining, 'an instance is still stopping');
  const instanceIds = planned.kind === 'planned' ? planned.instanceIds : [];
  logger.info('planned', { runId, kind: planned.kind, instanceIds });
  return { instances: instanceIds.map((instanceId) => ({ instanceId })) };
}

async function start(deps: FleetControlDeps, { runId, instanceId }: Input<'start'>) {
  const started = await startMachine(deps, runId, instanceId);
  if (started.kind === 'started') return { bootSeconds: started.isFirstBoot ? FIRST_BOOT_SECONDS : BOOT_SECONDS };
  if (started.kind === 'not-held') throw new Error('this run no longer holds the instance');
  if (started.kind === 'no-capacity')
    throw new WorkflowError(WORKFLOW_ERRORS.noCapacity, 'EC2 has no capacity for this instance');
  throw new WorkflowError(WORKFLOW_ERRORS.notYetStartable, 'the instance cannot be started yet');
}

async function startAnother(deps: FleetControlDeps, { runId, instanceId }: Input<'next-machine'>) {
  const next = await nextMachine(deps, runId, instanceId);
  logger.warn('no capacity', { runId, instanceId, next });
  return next === undefined ? { found: false } : { found: true, instanceId: next };
}

async function leave(deps: FleetControlDeps, { runId, instanceId, seenSeq, error }: Input<'leave'>) {
  const next = await leaveRun(deps, runId, instanceId, seenSeq, error);
  if (seenSeq === undefined) logger.error('run failed', { runId, instanceId, error });
  return { next, failed: seenSeq === undefined };
}

async function confirmStopped(deps: FleetControlDeps, { runId, instanceId }: Input<'confirm-stopped'>) {
  if (await deps.poll(() => confirm(deps, runId, instanceId))) return { stopped: true };
  throw new WorkflowError(WORKFLOW_ERRORS.notStopped, 'the instance has not stopped yet');
}

/** The deciding steps of the workflow: which run holds which machine, which run stops it, and whether it has stopped. */
export const buildHandler = (deps: FleetControlDeps) => async (event: unknown) => {
  const input = FleetStep.parse(event);
  switch (input.step) {
    case 'plan':
      return planRun(deps, input);
    case 'start':
      return start(deps, input);
    case 'next-machine':
      return startAnother(deps, input);
    case 'leave':
      return leave(deps, input);
    case 'confirm-stopped':
      return confirmStopped(deps, input);
  }
};
