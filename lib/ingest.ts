import { Duration } from 'aws-cdk-lib';
import { Match, Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { serviceFunction } from './service-function.ts';
import type { Shared } from './shared.ts';

/** Handles uploads: chunk -> row, message, run; file -> queued. Failed events are kept, and the batch finds their chunks. */
export class Ingest extends Construct {
  /** Queue of events that failed permanently. */
  readonly failed: Queue;
  readonly handler: IFunction;

  constructor(scope: Construct, id: string, { storage, lanes, names, stateMachine }: Shared) {
    super(scope, id);
    const handler = serviceFunction(this, 'Handler', {
      folder: 'ingest',
      env: { ...names, QUOTAS_TABLE: storage.quotas.tableName, STATE_MACHINE_ARN: stateMachine.stateMachineArn },
      timeout: Duration.seconds(30),
    });
    this.handler = handler;
    this.failed = new Queue(this, 'Failed', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    handler.configureAsyncInvoke({ retryAttempts: 2, onFailure: new SqsDestination(this.failed) });
    new Rule(this, 'ChunkUploaded', {
      eventPattern: {
        source: ['aws.s3'],
        detailType: ['Object Created'],
        detail: {
          bucket: { name: [names.BUCKET_NAME] },
          object: { key: Match.anyOf(Match.wildcard('users/*/chunk-*'), Match.wildcard('users/*/files/*/source.*')) },
        },
      },
      targets: [new LambdaFunction(handler)],
    });

    storage.grantObjects(handler, 's3:GetObject', 's3:DeleteObject');
    storage.grantList(handler);
    storage.sessions.grant(handler, 'dynamodb:GetItem', 'dynamodb:PutItem');
    storage.chunks.grant(handler, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query', 'dynamodb:DeleteItem');
    storage.grantJobs(handler);
    storage.fleet.grant(handler, 'dynamodb:PutItem', 'dynamodb:UpdateItem');
    storage.batch.grant(handler, 'dynamodb:GetItem', 'dynamodb:PutItem');
    lanes.grantSend(handler);
    stateMachine.grantStartExecution(handler);
    stateMachine.grantExecution(handler, 'states:DescribeExecution');
  }
}
