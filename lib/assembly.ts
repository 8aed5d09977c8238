import { Duration } from 'aws-cdk-lib';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { FilterRule, type IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { deadLetterQueue } from './dead-letters.ts';
import { serviceFunction } from './service-function.ts';
import type { Shared } from './shared.ts';
import { tableStream } from './table-stream.ts';

/** Writes canonical chunk files and transcripts when rows of chunks, sessions or settings change. */
export class Assembly extends Construct {
  /** Invoked with changed rows. */
  readonly handler: IFunction;

  constructor(scope: Construct, id: string, { storage, observability }: Shared) {
    super(scope, id);
    const { BUCKET_NAME, SESSIONS_TABLE, CHUNKS_TABLE, SETTINGS_TABLE } = storage.env;
    const handler = serviceFunction(this, 'Handler', {
      folder: 'assemble',
      env: { BUCKET_NAME, SESSIONS_TABLE, CHUNKS_TABLE, SETTINGS_TABLE },
      timeout: Duration.minutes(2),
      memoryMb: 1024,
    });
    this.handler = handler;
    const failed = deadLetterQueue(this, 'Failed');
    observability.deadLettersAlarm('Assembly', failed);
    const subscribe = (table: TableV2, image: object): void =>
      handler.addEventSource(tableStream(table, failed, { NewImage: image }));
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
