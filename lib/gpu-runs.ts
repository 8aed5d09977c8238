/**
 * GPU runs: the workflow, the function that executes its steps, and the permissions between them and the machines.
 *
 * Gotcha: these resources are children of the stack. A construct around them would change their logical ids, and a deployment
 * would replace them.
 */
import { Duration } from 'aws-cdk-lib';
import type { EventPattern } from 'aws-cdk-lib/aws-events';
import { type IGrantable, Policy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import type { GpuFleet } from './gpu-fleet.ts';
import { serviceFunction } from './service-function.ts';
import { costEnv, type Shared } from './shared.ts';
import { TranscriptionWorkflow } from './transcription-workflow.ts';

interface GpuRunsProps extends Pick<Shared, 'stage' | 'storage'> {
  /** Machines that the runs start and stop. */
  readonly fleet: GpuFleet;
}

interface GpuRuns {
  /** Function that executes the steps of the workflow. */
  readonly fleetControl: IFunction;
  /** One execution is one run. */
  readonly stateMachine: StateMachine;
}

/** Creates the function and the workflow in the scope of the stack. */
export function gpuRuns(stack: Construct, { stage, storage, fleet }: GpuRunsProps): GpuRuns {
  const fleetControl = serviceFunction(stack, 'FleetControl', {
    folder: 'fleet-control',
    env: {
      ...costEnv({ stage, storage }),
      FLEET_TABLE: storage.env.FLEET_TABLE,
      CHUNKS_TABLE: storage.env.CHUNKS_TABLE,
      INSTANCE_IDS: fleet.instanceIds.join(','),
      DAILY_BUDGET_USD: String(stage.dailyBudgetUsd),
      BACKLOG_SECONDS_PER_MACHINE: String(stage.backlogSecondsPerMachine),
    },
    timeout: Duration.minutes(1),
  });
  const { stateMachine } = new TranscriptionWorkflow(stack, 'Workflow', {
    fleetControl,
    fleetTable: storage.fleet,
    instanceArns: fleet.instanceArns,
  });

  storage.fleet.grant(fleetControl, 'dynamodb:GetItem', 'dynamodb:PutItem');
  storage.chunks.grant(fleetControl, 'dynamodb:Query');
  storage.ledger.grant(fleetControl, 'dynamodb:Query');
  fleet.grantControl(fleetControl, 'ec2:StartInstances');
  // Separate policies avoid a cycle: machines and function depend on their default policies, and the workflow refers to both.
  new Policy(stack, 'WorkerAnswersRuns', {
    roles: [fleet.role],
    statements: [
      new PolicyStatement({
        actions: ['states:SendTaskSuccess', 'states:SendTaskFailure', 'states:SendTaskHeartbeat'],
        resources: [stateMachine.stateMachineArn],
      }),
    ],
  });
  if (fleetControl.role === undefined) throw new Error('the function has no role');
  const describesRuns = new Policy(stack, 'FleetControlLooksAtRuns', { roles: [fleetControl.role] });
  stateMachine.grantExecution(describesRuns, 'states:DescribeExecution');
  return { fleetControl, stateMachine };
}

/** Grants what requesting transcriptions needs: sending messages, and starting a run if none is serving. */
export function grantTranscription(grantee: IGrantable, { lanes, stateMachine }: Pick<Shared, 'lanes' | 'stateMachine'>): void {
  lanes.grantSend(grantee);
  stateMachine.grantStartExecution(grantee);
  stateMachine.grantExecution(grantee, 'states:DescribeExecution');
}

/** Pattern of the events of runs that end with one of these statuses. */
export const runEnded = (
  { stateMachineArn }: StateMachine,
  ...status: readonly ('SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED')[]
): EventPattern => ({
  source: ['aws.states'],
  detailType: ['Step Functions Execution Status Change'],
  detail: { stateMachineArn: [stateMachineArn], status: [...status] },
});
