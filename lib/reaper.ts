import { Duration } from 'aws-cdk-lib';
import { ComparisonOperator, Metric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { METRICS, METRICS_NAMESPACE } from '../core/contracts/metrics.ts';
import { MINUTE, type Observability } from './observability.ts';
import { serviceFunction } from './service-function.ts';
import type { Shared } from './shared.ts';
import type { StageProps } from './stage.ts';

export interface ReaperProps extends Shared {
  readonly stage: StageProps;
  readonly observability: Observability;
  readonly instanceIds: readonly string[];
  readonly instanceArns: readonly string[];
}

/**
 * Stops what nobody holds: every minute by looking at EC2's real state, and at once when a run ended badly or a machine
 * changed. Events may be lost; the minute finds what they would have told.
 */
export class Reaper extends Construct {
  readonly handler: IFunction;

  constructor(scope: Construct, id: string, props: ReaperProps) {
    super(scope, id);
    const { stage, observability, storage, lanes, names, ledgerEnv, stateMachine, instanceIds, instanceArns } = props;
    const reaper = serviceFunction(this, 'Handler', {
      folder: 'reaper',
      env: {
        ...lanes.env,
        STAGE: stage.name,
        CHUNKS_TABLE: names.CHUNKS_TABLE,
        FLEET_TABLE: names.FLEET_TABLE,
        ...ledgerEnv,
        STATE_MACHINE_ARN: stateMachine.stateMachineArn,
        INSTANCE_IDS: instanceIds.join(','),
      },
      timeout: Duration.seconds(50),
    });
    this.handler = reaper;
    const targets = [new LambdaFunction(reaper)];
    new Rule(this, 'EveryMinute', { schedule: Schedule.rate(MINUTE), targets });
    new Rule(this, 'RunEnded', {
      eventPattern: {
        source: ['aws.states'],
        detailType: ['Step Functions Execution Status Change'],
        detail: { stateMachineArn: [stateMachine.stateMachineArn], status: ['FAILED', 'TIMED_OUT', 'ABORTED'] },
      },
      targets,
    });
    // Stopped: its running time is known, and the next run may join. Running: a stop that was decided meanwhile is made.
    new Rule(this, 'MachineChanged', {
      eventPattern: {
        source: ['aws.ec2'],
        detailType: ['EC2 Instance State-change Notification'],
        detail: { 'instance-id': [...instanceIds], state: ['running', 'stopped'] },
      },
      targets,
    });

    observability.alarm('StopNotConfirmed', {
      metric: new Metric({
        namespace: METRICS_NAMESPACE,
        metricName: METRICS.stopNotConfirmed,
        dimensionsMap: { Stage: stage.name },
        statistic: 'Sum',
        period: MINUTE,
      }),
      description:
        'A GPU machine still runs three minutes after its stop was decided. Stop it in the EC2 console; then look at the logs of the reaper.',
      threshold: 1,
    });
    observability.alarm('ReaperSilent', {
      metric: reaper.metricInvocations({ period: MINUTE }),
      description:
        'Nobody has looked after the GPU machines for five minutes. Check that none runs without work; then the rule EveryMinute.',
      threshold: 1,
      comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
      periods: 5,
      missing: TreatMissingData.BREACHING,
    });
    observability.alarm('ReaperFails', {
      metric: reaper.metricErrors({ period: MINUTE }),
      description: 'The reaper fails again and again: a GPU machine may run without work. Its log says why.',
      threshold: 1,
      periods: 3,
    });

    storage.fleet.grant(reaper, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem');
    storage.ledger.grant(reaper, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query');
    storage.chunks.grant(reaper, 'dynamodb:Query', 'dynamodb:UpdateItem');
    lanes.grantSend(reaper);
    stateMachine.grantStartExecution(reaper);
    stateMachine.grantExecution(reaper, 'states:DescribeExecution');
    for (const statement of [
      new PolicyStatement({ actions: ['ec2:DescribeInstances'], resources: ['*'] }),
      new PolicyStatement({ actions: ['ec2:StopInstances'], resources: [...instanceArns] }),
      new PolicyStatement({
        actions: ['cloudwatch:PutMetricData'],
        resources: ['*'],
        conditions: { StringEquals: { 'cloudwatch:namespace': METRICS_NAMESPACE } },
      }),
    ])
      reaper.addToRolePolicy(statement);
  }
}
