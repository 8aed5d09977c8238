import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { grantTranscription } from './gpu-runs.ts';
import { serviceFunction } from './service-function.ts';
import { costEnv, type SharedByCalls, workEnv } from './shared.ts';

/** API calls of recordings: sessions, uploads, transcripts, corrections. One function each, with only its own permissions. */
export class RecordingApi extends Construct {
  constructor(scope: Construct, id: string, props: SharedByCalls) {
    super(scope, id);
    this.sessions(props);
    this.uploads(props);
    this.transcripts(props);
    this.corrections(props);
  }

  private sessions(props: SharedByCalls): void {
    const { stage, storage, api, identity } = props;
    const sessions = serviceFunction(this, 'Sessions', {
      folder: 'sessions-api',
      env: {
        ...workEnv(props),
        ...costEnv(props),
        ...identity.env,
        LIVE_DEFAULT: String(stage.liveDefault),
        MODELS: [stage.model, ...stage.models].join(','),
        CAN_DIARIZE: String(stage.speakerModel !== undefined),
        QUOTAS_TABLE: storage.env.QUOTAS_TABLE,
        SETTINGS_TABLE: storage.env.SETTINGS_TABLE,
      },
      timeout: Duration.seconds(25),
    });
    api.serve(
      sessions,
      'POST /api/sessions',
      'GET /api/sessions',
      'GET /api/sessions/{id}',
      'PATCH /api/sessions/{id}',
      'DELETE /api/sessions/{id}',
      'GET /api/sessions/{id}/cache',
      'GET /api/sessions/{id}/cost',
      'POST /api/sessions/{id}/complete',
      'POST /api/sessions/{id}/resume',
      'POST /api/sessions/{id}/retranscribe',
      'POST /api/sessions/{id}/chunks/{n}/retry',
      'POST /api/sessions/{id}/transcript/ranges',
    );
    storage.sessions.grant(sessions, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:Query');
    storage.grantChunks(sessions);
    storage.fleet.grant(sessions, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem');
    storage.ledger.grant(sessions, 'dynamodb:Query');
    storage.batch.grant(sessions, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:DeleteItem', 'dynamodb:Query');
    storage.grantObjects(sessions, 's3:GetObject', 's3:DeleteObject');
    storage.grantList(sessions);
    grantTranscription(sessions, props);
    storage.quotas.grant(sessions, 'dynamodb:UpdateItem');
    storage.settings.grant(sessions, 'dynamodb:GetItem');
  }

  private uploads({ storage, api, identity }: SharedByCalls): void {
    const { BUCKET_NAME, SESSIONS_TABLE, CHUNKS_TABLE, QUOTAS_TABLE } = storage.env;
    const uploads = serviceFunction(this, 'Uploads', {
      folder: 'uploads-api',
      env: { BUCKET_NAME, SESSIONS_TABLE, CHUNKS_TABLE, QUOTAS_TABLE, ...identity.env },
    });
    api.serve(uploads, 'POST /api/sessions/{id}/chunks');
    storage.sessions.grant(uploads, 'dynamodb:GetItem');
    storage.chunks.grant(uploads, 'dynamodb:GetItem', 'dynamodb:UpdateItem');
    storage.grantObjects(uploads, 's3:PutObject');
    storage.quotas.grant(uploads, 'dynamodb:UpdateItem');
  }

  private transcripts({ stage, storage, api, identity }: SharedByCalls): void {
    const { BUCKET_NAME, SESSIONS_TABLE, CHUNKS_TABLE, SETTINGS_TABLE } = storage.env;
    const KNOWN_VOICES = String(stage.knownVoices);
    const transcripts = serviceFunction(this, 'Transcripts', {
      folder: 'transcripts-api',
      env: { BUCKET_NAME, SESSIONS_TABLE, CHUNKS_TABLE, SETTINGS_TABLE, KNOWN_VOICES, ...identity.env },
      // Subtitles and documents of a day take seconds.
      timeout: Duration.seconds(25),
      memoryMb: 512,
    });
    api.serve(
      transcripts,
      'GET /api/sessions/{id}/transcript',
      'GET /api/sessions/{id}/transcript/edits',
      'PUT /api/sessions/{id}/transcript/edits',
      'GET /api/sessions/{id}/notes',
      'PUT /api/sessions/{id}/notes/{note}',
      'DELETE /api/sessions/{id}/notes/{note}',
      'GET /api/sessions/{id}/audio',
      'GET /api/sessions/{id}/peaks',
      'PUT /api/sessions/{id}/speakers',
      'POST /api/sessions/{id}/speakers',
      'POST /api/sessions/{id}/speakers/assign',
      'GET /api/sessions/{id}/speaker-suggestions',
      'GET /api/known-voices',
      'POST /api/known-voices',
      'DELETE /api/known-voices',
      'DELETE /api/known-voices/{id}',
    );
    storage.sessions.grant(transcripts, 'dynamodb:GetItem', 'dynamodb:UpdateItem');
    storage.chunks.grant(transcripts, 'dynamodb:Query');
    // Known voices can be deleted also after the stage has stopped allowing them.
    storage.settings.grant(transcripts, 'dynamodb:GetItem', 'dynamodb:DeleteItem');
    if (stage.knownVoices) storage.settings.grant(transcripts, 'dynamodb:PutItem');
    // What is too large for a response is written: the transcript of a running recording, and exports.
    storage.grantObjects(transcripts, 's3:GetObject', 's3:PutObject', 's3:PutObjectTagging');
    storage.grantList(transcripts);
  }

  private corrections({ storage, api, identity }: SharedByCalls): void {
    const { SETTINGS_TABLE, QUOTAS_TABLE } = storage.env;
    const corrections = serviceFunction(this, 'Corrections', {
      folder: 'corrections-api',
      env: { SETTINGS_TABLE, QUOTAS_TABLE, ...identity.env },
    });
    api.serve(
      corrections,
      'GET /api/corrections',
      'PUT /api/corrections',
      'GET /api/recording-defaults',
      'PUT /api/recording-defaults',
    );
    storage.quotas.grant(corrections, 'dynamodb:UpdateItem');
    storage.settings.grant(corrections, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:DeleteItem');
  }
}
