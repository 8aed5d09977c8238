import { Duration } from 'aws-cdk-lib';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { FilterCriteria, FilterRule, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { DynamoEventSource, SqsDlq } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { serviceFunction } from './service-function.ts';
import type { Shared } from './shared.ts';

/** Committed rows -> canonical chunk files and the session's transcript. */
export class Assembly extends Construct {
  constructor(scope: Construct, id: string, { storage, names }: Shared) {
    super(scope, id);
    const handler = serviceFunction(this, 'Handler', {
      folder: 'assemble',
      env: { BUCKET_NAME: names.BUCKET_NAME, SESSIONS_TABLE: names.SESSIONS_TABLE, CHUNKS_TABLE: names.CHUNKS_TABLE },
      timeout: Duration.minutes(2),
      memoryMb: 512,
    });
    const failed = new Queue(this, 'Failed', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    const follow = (table: TableV2, states: string[]): void => {
      handler.addEventSource(
        new DynamoEventSource(table, {
          startingPosition: StartingPosition.TRIM_HORIZON,
          batchSize: 25,
          bisectBatchOnError: true,
          retryAttempts: 10,
          onFailure: new SqsDlq(failed),
          filters: [FilterCriteria.filter({ dynamodb: { NewImage: { state: { S: FilterRule.or(...states) } } } })],
        }),
      );
    };
    follow(storage.chunks, ['done', 'dead']);
    follow(storage.sessions, ['completed']);

    storage.grantObjects(handler, 's3:GetObject', 's3:PutObject');
    storage.grantList(handler);
    storage.sessions.grant(handler, 'dynamodb:GetItem', 'dynamodb:UpdateItem');
    storage.chunks.grant(handler, 'dynamodb:Query');
  }
}
