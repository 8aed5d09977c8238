import { Duration } from 'aws-cdk-lib';
import { Match, Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { Construct } from 'constructs';
import { deadLetterQueue } from './dead-letters.ts';
import { grantTranscription } from './gpu-runs.ts';
import { serviceFunction } from './service-function.ts';
import { type Shared, workEnv } from './shared.ts';

/** Handles uploads: chunk -> row, message, run; file -> queued. Failed events are kept, and the batch finds their chunks. */
export class Ingest extends Construct {
  /** Invoked with uploaded objects. */
  readonly handler: IFunction;

  constructor(scope: Construct, id: string, props: Shared) {
    super(scope, id);
    const { storage, observability } = props;
    const handler = serviceFunction(this, 'Handler', {
      folder: 'ingest',
      env: { ...workEnv(props), QUOTAS_TABLE: storage.env.QUOTAS_TABLE },
      timeout: Duration.seconds(30),
    });
    this.handler = handler;
    const failed = deadLetterQueue(this, 'Failed');
    observability.deadLettersAlarm('Ingest', failed);
    handler.configureAsyncInvoke({ retryAttempts: 2, onFailure: new SqsDestination(failed) });
    new Rule(this, 'ChunkUploaded', {
      eventPattern: {
        source: ['aws.s3'],
        detailType: ['Object Created'],
        detail: {
          bucket: { name: [storage.env.BUCKET_NAME] },
          object: { key: Match.anyOf(Match.wildcard('users/*/chunk-*'), Match.wildcard('users/*/files/*/source.*')) },
        },
      },
      targets: [new LambdaFunction(handler)],
    });

    storage.grantObjects(handler, 's3:GetObject', 's3:DeleteObject');
    storage.grantList(handler);
    storage.sessions.grant(handler, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem');
    storage.chunks.grant(handler, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query', 'dynamodb:DeleteItem');
    storage.grantJobs(handler);
    storage.fleet.grant(handler, 'dynamodb:PutItem', 'dynamodb:UpdateItem');
    storage.batch.grant(handler, 'dynamodb:GetItem', 'dynamodb:PutItem');
    grantTranscription(handler, props);
  }
}
