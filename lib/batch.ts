import { Duration } from 'aws-cdk-lib';
import { Schedule as Rate, Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { ContextAttribute, Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import { EmailIdentity, Identity } from 'aws-cdk-lib/aws-ses';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { ServiceApi } from './http-api.ts';
import type { Identity as StageIdentity } from './identity.ts';
import { grantMetrics, MINUTE, type Observability } from './observability.ts';
import { serviceFunction } from './service-function.ts';
import type { Shared } from './shared.ts';
import type { StageProps } from './stage.ts';

export interface BatchProps extends Shared {
  readonly stage: StageProps;
  readonly observability: Observability;
  readonly api: ServiceApi;
  readonly identity: StageIdentity;
  /** Queue of webhook attempts. */
  readonly webhookQueue: Queue;
}

/** The batch: finds missing results and has them transcribed, by schedule and manually. Locks of live recordings delay it. */
export class Batch extends Construct {
  /** Advances batch runs. Invoked by the schedule, every minute, when a GPU run ends, and when a run is started manually. */
  readonly runner: IFunction;

  constructor(scope: Construct, id: string, props: BatchProps) {
    super(scope, id);
    const { stage, observability, storage, lanes, names, ledgerEnv, stateMachine, api, identity, webhookQueue } = props;
    const MAX_BLOCKED_HOURS = String(stage.maxBlockedHours);
    const MAIL_FROM = stage.emailFrom ?? '';
    const USER_POOL_ID = identity.userPool.userPoolId;
    const runner = serviceFunction(this, 'Runner', {
      folder: 'batch-runner',
      env: {
        ...names,
        ...ledgerEnv,
        STAGE: stage.name,
        STATE_MACHINE_ARN: stateMachine.stateMachineArn,
        MAX_BLOCKED_HOURS,
        MAIL_FROM,
        USER_POOL_ID,
        WEBHOOKS_TABLE: storage.webhooks.tableName,
        WEBHOOK_QUEUE_URL: webhookQueue.queueUrl,
      },
      timeout: Duration.minutes(15),
      memoryMb: 1024,
    });
    this.runner = runner;
    // A failed invocation is not retried, because the next minute repeats the step.
    runner.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: MINUTE });
    const targets = [new LambdaFunction(runner)];
    new Rule(this, 'EveryMinute', { schedule: Rate.rate(MINUTE), targets });
    new Rule(this, 'GpuRunEnded', {
      eventPattern: {
        source: ['aws.states'],
        detailType: ['Step Functions Execution Status Change'],
        detail: {
          stateMachineArn: [stateMachine.stateMachineArn],
          status: ['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED'],
        },
      },
      targets,
    });
    new Schedule(this, 'Schedule', {
      description: 'Finds missing results and has them transcribed; paused by PUT /api/batch/schedule',
      schedule: ScheduleExpression.cron({ minute: '0', hour: `*/${stage.batchEveryHours}` }),
      target: new LambdaInvoke(runner, {
        input: ScheduleTargetInput.fromObject({ start: 'scheduled', scheduledTime: ContextAttribute.scheduledTime }),
        retryAttempts: 3,
        maxEventAge: Duration.hours(1),
      }),
    });

    const { SESSIONS_TABLE, BATCH_TABLE, BUCKET_NAME } = names;
    const handler = serviceFunction(this, 'Api', {
      folder: 'batch-api',
      env: {
        BUCKET_NAME,
        SESSIONS_TABLE,
        BATCH_TABLE,
        QUOTAS_TABLE: storage.quotas.tableName,
        BATCH_RUNNER: runner.functionName,
        USER_POOL_CLIENT_ID: identity.client.userPoolClientId,
        MAX_BLOCKED_HOURS,
        MAIL_FROM,
      },
    });
    api.serve(
      handler,
      'POST /api/batch/lock',
      'POST /api/batch/unlock',
      'GET /api/batch/lock-status',
      'DELETE /api/batch/locks/{id}',
      'POST /api/batch/runs',
      'GET /api/batch/runs',
      'GET /api/batch/runs/{id}',
      'GET /api/batch/pending',
      'GET /api/batch/reports',
      'GET /api/batch/reports/{id}',
      'PUT /api/batch/schedule',
      'GET /api/notifications',
      'PUT /api/notifications',
    );

    observability.alarm('BatchRunnerFails', {
      metric: runner.metricErrors({ period: Duration.minutes(5) }),
      description:
        'The function that advances batch runs fails repeatedly; its log contains the reason. Nothing is lost in the meantime.',
      threshold: 3,
      periods: 2,
    });

    if (stage.emailFrom !== undefined) {
      const sender = new EmailIdentity(this, 'Sender', { identity: Identity.email(stage.emailFrom) });
      sender.grantSendEmail(runner);
      identity.userPool.grant(runner, 'cognito-idp:AdminGetUser');
    }
    storage.batch.grant(handler, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:DeleteItem', 'dynamodb:Query');
    storage.sessions.grant(handler, 'dynamodb:GetItem');
    storage.quotas.grant(handler, 'dynamodb:UpdateItem');
    storage.grantReports(handler, 's3:GetObject');
    storage.grantList(handler);
    runner.grantInvoke(handler);

    storage.batch.grant(runner, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:DeleteItem', 'dynamodb:Query');
    storage.sessions.grant(runner, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem');
    storage.chunks.grant(
      runner,
      'dynamodb:GetItem',
      'dynamodb:BatchGetItem',
      'dynamodb:PutItem',
      'dynamodb:UpdateItem',
      'dynamodb:Query',
    );
    storage.webhooks.grant(runner, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query');
    webhookQueue.grantSendMessages(runner);
    storage.settings.grant(runner, 'dynamodb:GetItem');
    storage.fleet.grant(runner, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem');
    storage.ledger.grant(runner, 'dynamodb:Query');
    storage.grantObjects(runner, 's3:GetObject', 's3:PutObject', 's3:DeleteObject');
    storage.grantReports(runner, 's3:GetObject', 's3:PutObject');
    storage.grantList(runner);
    lanes.grantSend(runner);
    stateMachine.grantStartExecution(runner);
    stateMachine.grantExecution(runner, 'states:DescribeExecution');
    grantMetrics(runner);
  }
}
