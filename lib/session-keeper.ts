import { Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { grantTranscription } from './gpu-runs.ts';
import { grantMetrics } from './observability.ts';
import { serviceFunction } from './service-function.ts';
import { type Shared, workEnv } from './shared.ts';

/** Every five minutes: closes abandoned recordings, purges deleted data, continues retranscriptions, resumes stuck file jobs. */
export class SessionKeeper extends Construct {
  /** Invoked every five minutes. */
  readonly handler: IFunction;

  constructor(scope: Construct, id: string, props: Shared) {
    super(scope, id);
    const { stage, storage } = props;
    const handler = serviceFunction(this, 'Handler', {
      folder: 'session-keeper',
      env: { ...workEnv(props), STAGE: stage.name, QUOTAS_TABLE: storage.env.QUOTAS_TABLE },
      timeout: Duration.minutes(2),
    });
    this.handler = handler;
    new Rule(this, 'Regularly', { schedule: Schedule.rate(Duration.minutes(5)), targets: [new LambdaFunction(handler)] });

    storage.sessions.grant(handler, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:Query');
    storage.grantChunks(handler);
    storage.grantJobs(handler);
    storage.fleet.grant(handler, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem');
    storage.grantObjects(handler, 's3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload');
    storage.grantList(handler);
    grantTranscription(handler, props);
    grantMetrics(handler);
  }
}
