import { Duration } from 'aws-cdk-lib';
import { FilterRule, type IFunction } from 'aws-cdk-lib/aws-lambda';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { ServiceApi } from './http-api.ts';
import type { Identity } from './identity.ts';
import { serviceFunction } from './service-function.ts';
import type { Shared } from './shared.ts';
import type { StageProps } from './stage.ts';
import { tableStream } from './table-stream.ts';

export interface FileJobsProps extends Shared {
  readonly stage: StageProps;
  readonly api: ServiceApi;
  readonly identity: Identity;
}

/** File jobs: the API calls, and the function that advances a job when one of its rows ends. */
export class FileJobs extends Construct {
  /** Queue of events that failed permanently. */
  readonly failed: Queue;
  readonly handler: IFunction;

  constructor(scope: Construct, id: string, props: FileJobsProps) {
    super(scope, id);
    const { stage, storage, lanes, names, stateMachine, api, identity } = props;
    const env = {
      ...lanes.env,
      BUCKET_NAME: names.BUCKET_NAME,
      CHUNKS_TABLE: names.CHUNKS_TABLE,
      JOBS_TABLE: names.JOBS_TABLE,
      FLEET_TABLE: names.FLEET_TABLE,
      QUOTAS_TABLE: storage.quotas.tableName,
      STATE_MACHINE_ARN: stateMachine.stateMachineArn,
    };
    const calls = serviceFunction(this, 'Api', {
      folder: 'jobs-api',
      env: {
        ...env,
        USER_POOL_CLIENT_ID: identity.client.userPoolClientId,
        MODELS: [stage.model, ...stage.models].join(','),
        CAN_DIARIZE: String(stage.speakerModel !== undefined),
        COMPRESS_FILES: String(stage.compressFiles),
        RETENTION_DAYS: String(stage.retentionDays),
        WEBHOOK_LOOPBACK: String(stage.webhookLoopback),
        WEBHOOK_PORTS: stage.webhookPorts,
        MAX_OPEN_JOBS: String(stage.maxOpenJobs),
        MAX_AUDIO_HOURS: String(stage.maxAudioHours),
      },
      timeout: Duration.seconds(25),
      memoryMb: 512,
    });
    const handler = serviceFunction(this, 'Handler', { folder: 'file-jobs', env, timeout: Duration.minutes(2), memoryMb: 1024 });
    this.handler = handler;
    this.failed = new Queue(this, 'Failed', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    handler.addEventSource(
      tableStream(storage.chunks, this.failed, {
        Keys: { session_id: { S: FilterRule.beginsWith('job_') } },
        NewImage: { state: { S: FilterRule.or('done', 'dead') } },
      }),
    );
    api.serve(
      calls,
      'POST /api/transcriptions',
      'GET /api/transcriptions',
      'POST /api/transcriptions/{id}/parts',
      'POST /api/transcriptions/{id}/upload-complete',
      'GET /api/transcriptions/{id}/status',
      'GET /api/transcriptions/{id}/transcript',
      'GET /api/transcriptions/{id}/audio',
      'GET /api/transcriptions/{id}/peaks',
      'POST /api/transcriptions/{id}/cancel',
      'POST /api/transcriptions/{id}/retry',
      'POST /api/transcriptions/{id}/retranscribe',
      'DELETE /api/transcriptions/{id}',
    );

    for (const grantee of [calls, handler]) {
      storage.grantJobs(grantee);
      storage.chunks.grant(
        grantee,
        'dynamodb:GetItem',
        'dynamodb:PutItem',
        'dynamodb:UpdateItem',
        'dynamodb:DeleteItem',
        'dynamodb:Query',
      );
      storage.fleet.grant(grantee, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem');
      storage.grantObjects(
        grantee,
        's3:GetObject',
        's3:PutObject',
        's3:DeleteObject',
        's3:AbortMultipartUpload',
        's3:ListMultipartUploadParts',
      );
      storage.grantList(grantee);
      lanes.grantSend(grantee);
      stateMachine.grantStartExecution(grantee);
      stateMachine.grantExecution(grantee, 'states:DescribeExecution');
    }
  }
}
