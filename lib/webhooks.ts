import { Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { FilterRule, type IFunction } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { EmailIdentity, Identity as SesIdentity } from 'aws-cdk-lib/aws-ses';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { WEBHOOK_TIMEOUT_SECONDS } from '../core/contracts/webhooks.ts';
import type { ServiceApi } from './http-api.ts';
import type { Identity } from './identity.ts';
import { grantMetrics, MINUTE } from './observability.ts';
import { serviceFunction } from './service-function.ts';
import type { StageProps } from './stage.ts';
import type { Storage } from './storage.ts';
import { tableStream } from './table-stream.ts';

export interface WebhooksProps {
  readonly stage: StageProps;
  readonly storage: Storage;
  readonly queue: WebhookQueue;
  readonly api: ServiceApi;
  readonly identity: Identity;
}

/** Queue of delivery attempts. A message requests one attempt; the delivery's row decides whether it is made. */
export class WebhookQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const secure = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true };
    this.deadLetters = new Queue(this, 'Dead', { ...secure, retentionPeriod: Duration.days(14) });
    this.queue = new Queue(this, 'Attempts', {
      ...secure,
      visibilityTimeout: Duration.seconds(6 * 2 * WEBHOOK_TIMEOUT_SECONDS),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: 5 },
    });
  }
}

/** Sends webhooks and emails when jobs and sessions end. Each delivery attempt is a separate invocation. */
export class Webhooks extends Construct {
  /** Queue of events that failed permanently. */
  readonly failed: Queue;
  readonly handler: IFunction;

  constructor(scope: Construct, id: string, { stage, storage, queue: { queue }, api, identity }: WebhooksProps) {
    super(scope, id);
    const env = {
      WEBHOOKS_TABLE: storage.webhooks.tableName,
      WEBHOOK_QUEUE_URL: queue.queueUrl,
      WEBHOOK_LOOPBACK: String(stage.webhookLoopback),
    };
    const calls = serviceFunction(this, 'Api', {
      folder: 'webhooks-api',
      env: {
        ...env,
        WEBHOOK_PORTS: stage.webhookPorts,
        QUOTAS_TABLE: storage.quotas.tableName,
        USER_POOL_CLIENT_ID: identity.client.userPoolClientId,
      },
    });
    const sender = serviceFunction(this, 'Sender', {
      folder: 'webhook-sender',
      env: {
        ...env,
        STAGE: stage.name,
        BATCH_TABLE: storage.batch.tableName,
        MAIL_FROM: stage.emailFrom ?? '',
        USER_POOL_ID: identity.userPool.userPoolId,
      },
      timeout: Duration.seconds(2 * WEBHOOK_TIMEOUT_SECONDS),
    });
    this.handler = sender;
    this.failed = new Queue(this, 'Failed', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    sender.addEventSource(new SqsEventSource(queue, { batchSize: 1 }));
    const ends = [
      { table: storage.jobs, image: { status: { S: FilterRule.or('completed', 'failed') } } },
      { table: storage.sessions, image: { transcript_status: { S: FilterRule.exists() } } },
    ];
    for (const { table, image } of ends) sender.addEventSource(tableStream(table, this.failed, { NewImage: image }));
    // For waits that are longer than SQS supports, and for lost messages.
    new Rule(this, 'EveryMinute', { schedule: Schedule.rate(MINUTE), targets: [new LambdaFunction(sender)] });
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
    queue.grantSendMessages(calls);
    storage.webhooks.grant(sender, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query');
    storage.batch.grant(sender, 'dynamodb:GetItem', 'dynamodb:PutItem');
    queue.grantSendMessages(sender);
    if (stage.emailFrom !== undefined) {
      EmailIdentity.fromEmailIdentityName(this, 'MailSender', SesIdentity.email(stage.emailFrom).value).grantSendEmail(sender);
      identity.userPool.grant(sender, 'cognito-idp:AdminGetUser');
    }
    grantMetrics(sender);
  }
}
