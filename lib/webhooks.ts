import { Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { FilterRule, type IFunction } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { EmailIdentity, Identity as SesIdentity } from 'aws-cdk-lib/aws-ses';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { WEBHOOK_TIMEOUT_SECONDS } from '../core/contracts/webhooks.ts';
import { deadLetterQueue, SECURE } from './dead-letters.ts';
import { grantMetrics, MINUTE, type Observability } from './observability.ts';
import { type Env, serviceFunction } from './service-function.ts';
import type { SharedByCalls } from './shared.ts';
import { tableStream } from './table-stream.ts';

/** Queue of delivery attempts. A message requests one attempt; the delivery's row decides whether it is made. */
export class WebhookQueue extends Construct {
  /** Messages that request attempts. */
  readonly queue: Queue;

  constructor(scope: Construct, id: string, observability: Observability) {
    super(scope, id);
    const deadLetters = deadLetterQueue(this, 'Dead');
    observability.deadLettersAlarm('WebhookAttempts', deadLetters);
    this.queue = new Queue(this, 'Attempts', {
      ...SECURE,
      visibilityTimeout: Duration.seconds(6 * 2 * WEBHOOK_TIMEOUT_SECONDS),
      deadLetterQueue: { queue: deadLetters, maxReceiveCount: 5 },
    });
  }
}

interface WebhooksProps extends SharedByCalls {
  /** Queue of delivery attempts. */
  readonly attempts: WebhookQueue;
}

/** Sends webhooks and emails when jobs and sessions end. Each delivery attempt is a separate invocation. */
export class Webhooks extends Construct {
  /** Makes the attempts. Invoked with messages of the queue, and with rows of jobs and sessions that have ended. */
  readonly handler: IFunction;

  constructor(scope: Construct, id: string, props: WebhooksProps) {
    super(scope, id);
    const env = {
      WEBHOOKS_TABLE: props.storage.env.WEBHOOKS_TABLE,
      WEBHOOK_QUEUE_URL: props.attempts.queue.queueUrl,
      WEBHOOK_LOOPBACK: String(props.stage.webhookLoopback),
    };
    this.calls(env, props);
    this.handler = this.createSender(env, props);
  }

  /** API calls of a user's webhook and its deliveries. */
  private calls(env: Env, { stage, storage, api, identity, attempts }: WebhooksProps): void {
    const calls = serviceFunction(this, 'Api', {
      folder: 'webhooks-api',
      env: {
        ...env,
        WEBHOOK_PORTS: stage.webhookPorts,
        QUOTAS_TABLE: storage.env.QUOTAS_TABLE,
        ...identity.env,
      },
    });
    api.serve(
      calls,
      'GET /api/webhook',
      'PUT /api/webhook',
      'POST /api/webhook/secret',
      'GET /api/webhook/deliveries',
      'POST /api/webhook/deliveries/{id}/replay',
    );
    storage.webhooks.grant(calls, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:DeleteItem', 'dynamodb:Query');
    storage.quotas.grant(calls, 'dynamodb:UpdateItem');
    attempts.queue.grantSendMessages(calls);
  }

  private createSender(env: Env, { stage, storage, observability, identity, attempts: { queue } }: WebhooksProps): IFunction {
    const sender = serviceFunction(this, 'Sender', {
      folder: 'webhook-sender',
      env: {
        ...env,
        STAGE: stage.name,
        BATCH_TABLE: storage.env.BATCH_TABLE,
        MAIL_FROM: stage.emailFrom ?? '',
        USER_POOL_ID: identity.userPool.userPoolId,
      },
      timeout: Duration.seconds(2 * WEBHOOK_TIMEOUT_SECONDS),
    });
    const failed = deadLetterQueue(this, 'Failed');
    observability.deadLettersAlarm('Webhooks', failed);
    sender.addEventSource(new SqsEventSource(queue, { batchSize: 1 }));
    const ends = [
      { table: storage.jobs, image: { status: { S: FilterRule.or('completed', 'failed') } } },
      { table: storage.sessions, image: { transcript_status: { S: FilterRule.exists() } } },
    ];
    for (const { table, image } of ends) sender.addEventSource(tableStream(table, failed, { NewImage: image }));
    // For waits that are longer than SQS supports, and for lost messages.
    new Rule(this, 'EveryMinute', { schedule: Schedule.rate(MINUTE), targets: [new LambdaFunction(sender)] });

    storage.webhooks.grant(sender, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query');
    storage.batch.grant(sender, 'dynamodb:GetItem', 'dynamodb:PutItem');
    queue.grantSendMessages(sender);
    if (stage.emailFrom !== undefined) {
      EmailIdentity.fromEmailIdentityName(this, 'MailSender', SesIdentity.email(stage.emailFrom).value).grantSendEmail(sender);
      identity.userPool.grant(sender, 'cognito-idp:AdminGetUser');
    }
    grantMetrics(sender);
    return sender;
  }
}
