import { ulid } from 'ulid';
import { keptCorrectors } from '../../core/corrections/settings.ts';
import { documentClient, s3Client } from '../adapters/clients.ts';
import { dynamoChunkStore } from '../adapters/dynamo-chunk-store.ts';
import { dynamoKnownVoices } from '../adapters/dynamo-known-voices.ts';
import { dynamoSessionStore } from '../adapters/dynamo-session-store.ts';
import { dynamoSettingsStore } from '../adapters/dynamo-settings-store.ts';
import { s3ExportStore, s3Notes, s3Presigner, s3Results } from '../adapters/s3-objects.ts';
import { parseEnv } from '../runtime/parse-env.ts';
import { logSkipped } from '../runtime/skipped-rules.ts';
import { buildHandler } from './handler.ts';

const env = parseEnv('BUCKET_NAME', 'SESSIONS_TABLE', 'CHUNKS_TABLE', 'SETTINGS_TABLE', 'KNOWN_VOICES', 'USER_POOL_CLIENT_ID');
const s3 = s3Client();
const db = documentClient();
const settings = dynamoSettingsStore(db, env.SETTINGS_TABLE);
const { download } = s3Presigner(s3, env.BUCKET_NAME, Date.now);

export const handler = buildHandler(
  {
    sessions: dynamoSessionStore(db, env.SESSIONS_TABLE),
    chunks: dynamoChunkStore(db, env.CHUNKS_TABLE),
    results: s3Results(s3, env.BUCKET_NAME),
    notes: s3Notes(s3, env.BUCKET_NAME),
    knownVoices: dynamoKnownVoices(db, env.SETTINGS_TABLE),
    canKnowVoices: env.KNOWN_VOICES,
    correctorFor: keptCorrectors(settings, logSkipped),
    downloadUrl: download,
    storeExport: s3ExportStore(s3, env.BUCKET_NAME),
    nowMs: Date.now,
    newId: ulid,
  },
  env.USER_POOL_CLIENT_ID,
);
