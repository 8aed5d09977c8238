import { Duration } from 'aws-cdk-lib';
import { ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { METRICS } from '../core/contracts/metrics.ts';
import type { GpuFleet } from './gpu-fleet.ts';
import { grantTranscription, runEnded } from './gpu-runs.ts';
import { grantMetrics, MINUTE } from './observability.ts';
import { serviceFunction } from './service-function.ts';
import { costEnv, type Shared } from './shared.ts';

interface ReaperProps extends Shared {
  /** Machines that the reaper watches and may stop. */
  readonly fleet: GpuFleet;
}

/** Concurrent executions: the one of the minute, and one for an event. */
const RESERVED = 2;

/**
 * Stops machines without a holder: every minute, when a run fails, and when a machine changes its state. It reads the actual
 * state from EC2, so a lost event only delays it until the next minute.
 */
export class Reaper extends Construct {
  /** Invoked every minute and with events of runs and machines. */
  readonly handler: IFunction;

  constructor(scope: Construct, id: string, props: ReaperProps) {
    super(scope, id);
    const { stage, observability, storage, lanes, stateMachine, fleet } = props;
    const reaper = serviceFunction(this, 'Handler', {
      folder: 'reaper',
      env: {
        ...lanes.env,
        STAGE: stage.name,
        BATCH_TABLE: storage.env.BATCH_TABLE,
        CHUNKS_TABLE: storage.env.CHUNKS_TABLE,
        FLEET_TABLE: storage.env.FLEET_TABLE,
        ...costEnv(props),
        STATE_MACHINE_ARN: stateMachine.stateMachineArn,
        INSTANCE_IDS: fleet.instanceIds.join(','),
      },
      timeout: Duration.seconds(50),
      reserved: stage.reserveReaper ? RESERVED : undefined,
    });
    this.handler = reaper;
    const targets = [new LambdaFunction(reaper)];
    new Rule(this, 'EveryMinute', { schedule: Schedule.rate(MINUTE), targets });
    new Rule(this, 'RunEnded', { eventPattern: runEnded(stateMachine, 'FAILED', 'TIMED_OUT', 'ABORTED'), targets });
    // `stopped`: the running time is recorded, and the next run can join. `running`: a stop decided during the boot is sent.
    new Rule(this, 'MachineChanged', {
      eventPattern: {
        source: ['aws.ec2'],
        detailType: ['EC2 Instance State-change Notification'],
        detail: { 'instance-id': [...fleet.instanceIds], state: ['running', 'stopped'] },
      },
      targets,
    });

    observability.alarm('StopNotConfirmed', {
      metric: observability.metric(METRICS.stopNotConfirmed, { statistic: 'Sum', period: MINUTE }),
      description:
        'A GPU machine still runs three minutes after its stop was decided. Stop it in the EC2 console; then check the logs of the reaper.',
      threshold: 1,
    });
    observability.alarm('ReaperSilent', {
      metric: reaper.metricInvocations({ period: MINUTE }),
      description:
        'The reaper has not run for five minutes. Check that no GPU machine runs without work; then check the rule EveryMinute.',
      threshold: 1,
      comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
      periods: 5,
      missing: TreatMissingData.BREACHING,
    });
    observability.alarm('ReaperFails', {
      metric: reaper.metricErrors({ period: MINUTE }),
      description: 'The reaper fails repeatedly: a GPU machine may run without work. Its log contains the reason.',
      threshold: 1,
      periods: 3,
    });

    storage.batch.grant(reaper, 'dynamodb:Query');
    storage.fleet.grant(reaper, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem');
    storage.ledger.grant(reaper, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query');
    storage.chunks.grant(reaper, 'dynamodb:Query', 'dynamodb:UpdateItem');
    grantTranscription(reaper, props);
    fleet.grantControl(reaper, 'ec2:StopInstances');
    grantMetrics(reaper);
  }
}
