import { Duration } from 'aws-cdk-lib';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { FilterRule, type IFunction } from 'aws-cdk-lib/aws-lambda';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { serviceFunction } from './service-function.ts';
import type { Shared } from './shared.ts';
import { tableStream } from './table-stream.ts';

/** Writes canonical chunk files and transcripts when rows of chunks, sessions or settings change. */
export class Assembly extends Construct {
  /** Queue of events that failed permanently. */
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
    const subscribe = (table: TableV2, image: object): void =>
      handler.addEventSource(tableStream(table, this.failed, { NewImage: image }));
    // Rows change again when their corrected texts are stored. The filter skips these changes: no transcript depends on them.
    subscribe(storage.chunks, {
      state: { S: FilterRule.or('done', 'dead') },
      corrections_version: { N: FilterRule.notExists() },
    });
    subscribe(storage.sessions, { state: { S: FilterRule.or('completed') } });
    subscribe(storage.settings, { user_id: { S: FilterRule.exists() } });

    storage.grantObjects(handler, 's3:GetObject', 's3:PutObject', 's3:DeleteObject');
    storage.grantList(handler);
    storage.sessions.grant(handler, 'dynamodb:GetItem', 'dynamodb:UpdateItem', 'dynamodb:Query');
    storage.chunks.grant(handler, 'dynamodb:Query', 'dynamodb:UpdateItem');
    storage.settings.grant(handler, 'dynamodb:GetItem', 'dynamodb:UpdateItem');
  }
}
