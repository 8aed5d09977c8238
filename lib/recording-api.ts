import { Construct } from 'constructs';
import type { ServiceApi } from './http-api.ts';
import type { Identity } from './identity.ts';
import { serviceFunction } from './service-function.ts';
import type { Shared } from './shared.ts';

export interface RecordingApiProps extends Shared {
  readonly api: ServiceApi;
  readonly identity: Identity;
}

/** The calls of a recording: sessions, uploads, transcripts. One function per capability, so each has only its own rights. */
export class RecordingApi extends Construct {
  constructor(scope: Construct, id: string, props: RecordingApiProps) {
    super(scope, id);
    const { storage, lanes, names, ledgerEnv, stateMachine, api, identity } = props;
    const USER_POOL_CLIENT_ID = identity.client.userPoolClientId;
    const { BUCKET_NAME, SESSIONS_TABLE, CHUNKS_TABLE } = names;
    const sessions = serviceFunction(this, 'Sessions', {
      folder: 'sessions-api',
      env: { ...names, ...ledgerEnv, STATE_MACHINE_ARN: stateMachine.stateMachineArn, USER_POOL_CLIENT_ID },
    });
    const uploads = serviceFunction(this, 'Uploads', {
      folder: 'uploads-api',
      env: { BUCKET_NAME, SESSIONS_TABLE, CHUNKS_TABLE, USER_POOL_CLIENT_ID },
    });
    const transcripts = serviceFunction(this, 'Transcripts', {
      folder: 'transcripts-api',
      env: { BUCKET_NAME, SESSIONS_TABLE, USER_POOL_CLIENT_ID },
    });
    api.serve(
      sessions,
      'POST /api/sessions',
      'GET /api/sessions',
      'GET /api/sessions/{id}',
      'GET /api/sessions/{id}/cost',
      'POST /api/sessions/{id}/complete',
    );
    api.serve(uploads, 'POST /api/sessions/{id}/chunks');
    api.serve(transcripts, 'GET /api/sessions/{id}/transcript');

    storage.sessions.grant(sessions, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:Query');
    storage.chunks.grant(sessions, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:Query');
    storage.fleet.grant(sessions, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem');
    storage.ledger.grant(sessions, 'dynamodb:Query');
    storage.grantList(sessions);
    lanes.grantSend(sessions);
    stateMachine.grantStartExecution(sessions);
    stateMachine.grantExecution(sessions, 'states:DescribeExecution');

    storage.sessions.grant(uploads, 'dynamodb:GetItem');
    storage.chunks.grant(uploads, 'dynamodb:GetItem', 'dynamodb:UpdateItem');
    storage.grantObjects(uploads, 's3:PutObject');

    storage.sessions.grant(transcripts, 'dynamodb:GetItem');
    storage.grantObjects(transcripts, 's3:GetObject');
  }
}
