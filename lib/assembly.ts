import { Duration } from 'aws-cdk-lib';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { FilterCriteria, FilterRule, type IFunction, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { DynamoEventSource, SqsDlq } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { serviceFunction } from './service-function.ts';
import type { Shared } from './shared.ts';

/** Committed rows -> canonical chunk files and the session's transcript. */
export class Assembly extends Construct {
  /** Events that failed for good. */
  readonly failed: Queue;
  readonly handler: IFunction;

  constructor(scope: Construct, id: string, { storage, names }: Shared) {
    super(scope, id);
    const handler = serviceFunction(this, 'Handler', {
      folder: 'assemble',
      env: {
        BUCKET_NAME: names.BUCKET_NAME,
        SESSIONS_TABLE: names.SESSIONS_TABLE,
        CHUNKS_TABLE: names.CHUNKS_TABLE,
        SETTINGS_TABLE: names.SETTINGS_TABLE,
      },
      timeout: Duration.minutes(2),
      memoryMb: 1024,
    });
    this.handler = handler;
    this.failed = new Queue(this, 'Failed', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    const follow = (table: TableV2, image: object): void => {
      handler.addEventSource(
        new DynamoEventSource(table, {
          startingPosition: StartingPosition.TRIM_HORIZON,
          batchSize: 25,
          bisectBatchOnError: true,
          retryAttempts: 10,
          onFailure: new SqsDlq(this.failed),
          filters: [FilterCriteria.filter({ dynamodb: { NewImage: image } })],
        }),
      );
    };
    follow(storage.chunks, { state: { S: FilterRule.or('done', 'dead') } });
    follow(storage.sessions, { state: { S: FilterRule.or('completed') } });
    follow(storage.settings, { user_id: { S: FilterRule.exists() } });

    storage.grantObjects(handler, 's3:GetObject', 's3:PutObject', 's3:DeleteObject');
    storage.grantList(handler);
    storage.sessions.grant(handler, 'dynamodb:GetItem', 'dynamodb:UpdateItem', 'dynamodb:Query');
    storage.chunks.grant(handler, 'dynamodb:Query', 'dynamodb:UpdateItem');
    storage.settings.grant(handler, 'dynamodb:GetItem', 'dynamodb:UpdateItem');
  }
}
