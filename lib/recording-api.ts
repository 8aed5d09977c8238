import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { ServiceApi } from './http-api.ts';
import type { Identity } from './identity.ts';
import { serviceFunction } from './service-function.ts';
import type { Shared } from './shared.ts';
import type { StageProps } from './stage.ts';

export interface RecordingApiProps extends Shared {
  readonly api: ServiceApi;
  readonly identity: Identity;
  readonly stage: StageProps;
}

/** API calls of recordings: sessions, uploads, transcripts, corrections. One function each, with only its own permissions. */
export class RecordingApi extends Construct {
  constructor(scope: Construct, id: string, props: RecordingApiProps) {
    super(scope, id);
    const { storage, lanes, names, ledgerEnv, stateMachine, api, identity, stage } = props;
    const USER_POOL_CLIENT_ID = identity.client.userPoolClientId;
    const QUOTAS_TABLE = storage.quotas.tableName;
    const { BUCKET_NAME, SESSIONS_TABLE, CHUNKS_TABLE, SETTINGS_TABLE } = names;
    const sessions = serviceFunction(this, 'Sessions', {
      folder: 'sessions-api',
      env: {
        ...names,
        ...ledgerEnv,
        STATE_MACHINE_ARN: stateMachine.stateMachineArn,
        USER_POOL_CLIENT_ID,
        LIVE_DEFAULT: String(stage.liveDefault),
        MODELS: [stage.model, ...stage.models].join(','),
        CAN_DIARIZE: String(stage.speakerModel !== undefined),
        QUOTAS_TABLE,
      },
      timeout: Duration.seconds(25),
    });
    const uploads = serviceFunction(this, 'Uploads', {
      folder: 'uploads-api',
      env: { BUCKET_NAME, SESSIONS_TABLE, CHUNKS_TABLE, QUOTAS_TABLE, USER_POOL_CLIENT_ID },
    });
    const transcripts = serviceFunction(this, 'Transcripts', {
      folder: 'transcripts-api',
      env: { BUCKET_NAME, SESSIONS_TABLE, CHUNKS_TABLE, SETTINGS_TABLE, USER_POOL_CLIENT_ID },
      memoryMb: 512,
    });
    const corrections = serviceFunction(this, 'Corrections', {
      folder: 'corrections-api',
      env: { SETTINGS_TABLE, QUOTAS_TABLE, USER_POOL_CLIENT_ID },
    });
    api.serve(
      sessions,
      'POST /api/sessions',
      'GET /api/sessions',
      'GET /api/sessions/{id}',
      'DELETE /api/sessions/{id}',
      'GET /api/sessions/{id}/cache',
      'GET /api/sessions/{id}/cost',
      'POST /api/sessions/{id}/complete',
      'POST /api/sessions/{id}/retranscribe',
      'POST /api/sessions/{id}/chunks/{n}/retry',
      'POST /api/sessions/{id}/transcript/ranges',
    );
    api.serve(uploads, 'POST /api/sessions/{id}/chunks');
    api.serve(
      transcripts,
      'GET /api/sessions/{id}/transcript',
      'GET /api/sessions/{id}/transcript/edits',
      'PUT /api/sessions/{id}/transcript/edits',
      'GET /api/sessions/{id}/audio',
      'GET /api/sessions/{id}/peaks',
      'POST /api/sessions/{id}/speakers',
    );
    api.serve(corrections, 'GET /api/corrections', 'PUT /api/corrections');

    storage.sessions.grant(sessions, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:Query');
    storage.chunks.grant(
      sessions,
      'dynamodb:GetItem',
      'dynamodb:PutItem',
      'dynamodb:UpdateItem',
      'dynamodb:DeleteItem',
      'dynamodb:Query',
    );
    storage.fleet.grant(sessions, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem');
    storage.ledger.grant(sessions, 'dynamodb:Query');
    storage.batch.grant(sessions, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:DeleteItem', 'dynamodb:Query');
    storage.grantObjects(sessions, 's3:GetObject', 's3:DeleteObject');
    storage.grantList(sessions);
    lanes.grantSend(sessions);
    stateMachine.grantStartExecution(sessions);
    stateMachine.grantExecution(sessions, 'states:DescribeExecution');

    storage.sessions.grant(uploads, 'dynamodb:GetItem');
    storage.chunks.grant(uploads, 'dynamodb:GetItem', 'dynamodb:UpdateItem');
    storage.grantObjects(uploads, 's3:PutObject');

    for (const caller of [sessions, uploads, corrections]) storage.quotas.grant(caller, 'dynamodb:UpdateItem');

    storage.sessions.grant(transcripts, 'dynamodb:GetItem', 'dynamodb:UpdateItem');
    storage.chunks.grant(transcripts, 'dynamodb:Query');
    storage.settings.grant(transcripts, 'dynamodb:GetItem');
    // Reading the transcript of a running recording may write the bundle of results.
    storage.grantObjects(transcripts, 's3:GetObject', 's3:PutObject');
    storage.grantList(transcripts);
    storage.settings.grant(corrections, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:DeleteItem');
  }
}
