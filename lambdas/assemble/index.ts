import { documentClient, s3Client } from '../adapters/clients.ts';
import { dynamoChunkStore } from '../adapters/dynamo-chunk-store.ts';
import { dynamoSessionStore } from '../adapters/dynamo-session-store.ts';
import { dynamoSettingsStore } from '../adapters/dynamo-settings-store.ts';
import { s3Results } from '../adapters/s3-objects.ts';
import { parseEnv } from '../runtime/parse-env.ts';
import { buildHandler } from './handler.ts';

const env = parseEnv('BUCKET_NAME', 'SESSIONS_TABLE', 'CHUNKS_TABLE', 'SETTINGS_TABLE');
const db = documentClient();

export const handler = buildHandler({
  sessions: dynamoSessionStore(db, env.SESSIONS_TABLE),
  chunks: dynamoChunkStore(db, env.CHUNKS_TABLE),
  settings: dynamoSettingsStore(db, env.SETTINGS_TABLE),
  results: s3Results(s3Client(), env.BUCKET_NAME),
  nowMs: Date.now,
});
