import { Duration } from 'aws-cdk-lib';
import { Schedule as Rate, Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { ContextAttribute, Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import { EmailIdentity, Identity } from 'aws-cdk-lib/aws-ses';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { grantTranscription, runEnded } from './gpu-runs.ts';
import { grantMetrics, MINUTE } from './observability.ts';
import { serviceFunction } from './service-function.ts';
import { costEnv, type SharedByCalls, workEnv } from './shared.ts';
import type { StageProps } from './stage.ts';

interface BatchProps extends SharedByCalls {
  /** Queue of webhook attempts. */
  readonly webhookQueue: Queue;
}

/** The batch: finds missing results and has them transcribed, by schedule and manually. Locks of live recordings delay it. */
export class Batch extends Construct {
  /** Advances batch runs. Invoked by the schedule, every minute, when a GPU run ends, and when a run is started manually. */
  readonly runner: IFunction;

  constructor(scope: Construct, id: string, props: BatchProps) {
    super(scope, id);
    this.runner = this.createRunner(props);
    this.triggers(props);
    this.calls(props);
    props.observability.alarm('BatchRunnerFails', {
      metric: this.runner.metricErrors({ period: Duration.minutes(5) }),
      description:
        'The function that advances batch runs fails repeatedly; its log contains the reason. Nothing is lost in the meantime.',
      threshold: 3,
      periods: 2,
    });
  }

  private createRunner(props: BatchProps): IFunction {
    const { stage, storage, identity, webhookQueue } = props;
    const runner = serviceFunction(this, 'Runner', {
      folder: 'batch-runner',
      env: {
        ...workEnv(props),
        ...costEnv(props),
        ...batchEnv(stage),
        STAGE: stage.name,
        USER_POOL_ID: identity.userPool.userPoolId,
        WEBHOOKS_TABLE: storage.env.WEBHOOKS_TABLE,
        WEBHOOK_QUEUE_URL: webhookQueue.queueUrl,
      },
      timeout: Duration.minutes(15),
      memoryMb: 1024,
    });
    // A failed invocation is not retried, because the next minute repeats the step.
    runner.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: MINUTE });

    if (stage.emailFrom !== undefined) {
      const sender = new EmailIdentity(this, 'Sender', { identity: Identity.email(stage.emailFrom) });
      sender.grantSendEmail(runner);
      identity.userPool.grant(runner, 'cognito-idp:AdminGetUser');
    }
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
    grantTranscription(runner, props);
    grantMetrics(runner);
    return runner;
  }

  /** What invokes the runner, besides a manual start. */
  private triggers({ stage, stateMachine }: BatchProps): void {
    const targets = [new LambdaFunction(this.runner)];
    new Rule(this, 'EveryMinute', { schedule: Rate.rate(MINUTE), targets });
    const eventPattern = runEnded(stateMachine, 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED');
    new Rule(this, 'GpuRunEnded', { eventPattern, targets });
    new Schedule(this, 'Schedule', {
      description: 'Finds missing results and has them transcribed; paused by PUT /api/batch/schedule',
      schedule: ScheduleExpression.cron({ minute: '0', hour: `*/${stage.batchEveryHours}` }),
      target: new LambdaInvoke(this.runner, {
        input: ScheduleTargetInput.fromObject({ start: 'scheduled', scheduledTime: ContextAttribute.scheduledTime }),
        retryAttempts: 3,
        maxEventAge: Duration.hours(1),
      }),
    });
  }

  /** API calls of locks, runs, reports and mail settings. */
  private calls({ stage, storage, api, identity }: BatchProps): void {
    const { SESSIONS_TABLE, BATCH_TABLE, BUCKET_NAME, QUOTAS_TABLE } = storage.env;
    const handler = serviceFunction(this, 'Api', {
      folder: 'batch-api',
      env: {
        ...batchEnv(stage),
        BUCKET_NAME,
        SESSIONS_TABLE,
        BATCH_TABLE,
        QUOTAS_TABLE,
        BATCH_RUNNER: this.runner.functionName,
        ...identity.env,
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
    storage.batch.grant(handler, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:DeleteItem', 'dynamodb:Query');
    storage.sessions.grant(handler, 'dynamodb:GetItem');
    storage.quotas.grant(handler, 'dynamodb:UpdateItem');
    storage.grantReports(handler, 's3:GetObject');
    storage.grantList(handler);
    this.runner.grantInvoke(handler);
  }
}

/** Variables of both functions. */
const batchEnv = (stage: StageProps) => ({
  MAX_BLOCKED_HOURS: String(stage.maxBlockedHours),
  MAIL_FROM: stage.emailFrom ?? '',
});
