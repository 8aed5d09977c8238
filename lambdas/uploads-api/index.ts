import { documentClient, s3Client } from '../adapters/clients.ts';
import { dynamoChunkStore } from '../adapters/dynamo-chunk-store.ts';
import { dynamoSessionStore } from '../adapters/dynamo-session-store.ts';
import { dynamoUsageCounter } from '../adapters/dynamo-usage-counter.ts';
import { s3Presigner } from '../adapters/s3-objects.ts';
import { parseEnv } from '../runtime/parse-env.ts';
import { buildHandler } from './handler.ts';

const env = parseEnv('QUOTAS_TABLE', 'BUCKET_NAME', 'SESSIONS_TABLE', 'CHUNKS_TABLE', 'USER_POOL_CLIENT_ID');
const db = documentClient();

export const handler = buildHandler(
  {
    sessions: dynamoSessionStore(db, env.SESSIONS_TABLE),
    chunks: dynamoChunkStore(db, env.CHUNKS_TABLE),
    usage: dynamoUsageCounter(db, env.QUOTAS_TABLE),
    nowMs: Date.now,
    sign: s3Presigner(s3Client(), env.BUCKET_NAME, Date.now).upload,
  },
  env.USER_POOL_CLIENT_ID,
);
