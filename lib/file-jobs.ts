import { Duration } from 'aws-cdk-lib';
import { FilterRule, type IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { deadLetterQueue } from './dead-letters.ts';
import { grantTranscription } from './gpu-runs.ts';
import { serviceFunction } from './service-function.ts';
import type { SharedByCalls } from './shared.ts';
import { tableStream } from './table-stream.ts';

/** File jobs: the API calls, and the function that advances a job when one of its rows ends. */
export class FileJobs extends Construct {
  /** Invoked with rows of parts that have ended. */
  readonly handler: IFunction;

  constructor(scope: Construct, id: string, props: SharedByCalls) {
    super(scope, id);
    const { stage, storage, lanes, stateMachine, observability, api, identity } = props;
    const { BUCKET_NAME, CHUNKS_TABLE, JOBS_TABLE, FLEET_TABLE, QUOTAS_TABLE } = storage.env;
    const env = {
      ...lanes.env,
      BUCKET_NAME,
      CHUNKS_TABLE,
      JOBS_TABLE,
      FLEET_TABLE,
      QUOTAS_TABLE,
      STATE_MACHINE_ARN: stateMachine.stateMachineArn,
    };
    const calls = serviceFunction(this, 'Api', {
      folder: 'jobs-api',
      env: {
        ...env,
        ...identity.env,
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
    const failed = deadLetterQueue(this, 'Failed');
    observability.deadLettersAlarm('FileJobs', failed);
    handler.addEventSource(
      tableStream(storage.chunks, failed, {
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
      'PUT /api/transcriptions/{id}/speakers',
      'POST /api/transcriptions/{id}/speakers/assign',
      'DELETE /api/transcriptions/{id}',
    );

    for (const grantee of [calls, handler]) {
      storage.grantJobs(grantee);
      storage.grantChunks(grantee);
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
      grantTranscription(grantee, props);
    }
    storage.grantObjects(calls, 's3:PutObjectTagging');
  }
}
