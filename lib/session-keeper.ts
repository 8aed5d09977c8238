import { Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { grantMetrics } from './observability.ts';
import { serviceFunction } from './service-function.ts';
import type { Shared } from './shared.ts';
import type { StageProps } from './stage.ts';

export interface SessionKeeperProps extends Shared {
  readonly stage: StageProps;
}

/** Every five minutes: closes abandoned recordings, purges deleted data, continues retranscriptions, resumes stuck file jobs. */
export class SessionKeeper extends Construct {
  readonly handler: IFunction;

  constructor(scope: Construct, id: string, { stage, storage, lanes, names, stateMachine }: SessionKeeperProps) {
    super(scope, id);
    const handler = serviceFunction(this, 'Handler', {
      folder: 'session-keeper',
      env: {
        ...names,
        STAGE: stage.name,
        QUOTAS_TABLE: storage.quotas.tableName,
        STATE_MACHINE_ARN: stateMachine.stateMachineArn,
      },
      timeout: Duration.minutes(2),
    });
    this.handler = handler;
    new Rule(this, 'Regularly', { schedule: Schedule.rate(Duration.minutes(5)), targets: [new LambdaFunction(handler)] });

    storage.sessions.grant(handler, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:Query');
    storage.chunks.grant(
      handler,
      'dynamodb:GetItem',
      'dynamodb:PutItem',
      'dynamodb:UpdateItem',
      'dynamodb:DeleteItem',
      'dynamodb:Query',
    );
    storage.grantJobs(handler);
    storage.fleet.grant(handler, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem');
    storage.grantObjects(handler, 's3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload');
    storage.grantList(handler);
    lanes.grantSend(handler);
    stateMachine.grantStartExecution(handler);
    stateMachine.grantExecution(handler, 'states:DescribeExecution');
    grantMetrics(handler);
  }
}
