import { documents, objectStorage } from '../adapters/clients.ts';
import { dynamoChunkStore } from '../adapters/dynamo-chunk-store.ts';
import { dynamoQuotaStore } from '../adapters/dynamo-quota-store.ts';
import { dynamoSessionStore } from '../adapters/dynamo-session-store.ts';
import { s3Presigner } from '../adapters/s3-objects.ts';
import { parseEnv } from '../runtime/parse-env.ts';
import { buildHandler } from './handler.ts';

const env = parseEnv('QUOTAS_TABLE', 'BUCKET_NAME', 'SESSIONS_TABLE', 'CHUNKS_TABLE', 'USER_POOL_CLIENT_ID');
const db = documents();

export const handler = buildHandler(
  {
    sessions: dynamoSessionStore(db, env.SESSIONS_TABLE),
    chunks: dynamoChunkStore(db, env.CHUNKS_TABLE),
    quota: dynamoQuotaStore(db, env.QUOTAS_TABLE),
    nowMs: Date.now,
    sign: s3Presigner(objectStorage(), env.BUCKET_NAME, Date.now).upload,
  },
  env.USER_POOL_CLIENT_ID,
);
