import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { documentClient, s3Client } from '../adapters/clients.ts';
import { dynamoBatchStore, dynamoLockStore, dynamoNoticeStore } from '../adapters/dynamo-batch-store.ts';
import { dynamoSessionStore } from '../adapters/dynamo-session-store.ts';
import { dynamoUsageCounter } from '../adapters/dynamo-usage-counter.ts';
import { s3RunFiles } from '../adapters/s3-batch.ts';
import { parseEnv } from '../runtime/parse-env.ts';
import { buildHandler } from './handler.ts';

const env = parseEnv(
  'BUCKET_NAME',
  'SESSIONS_TABLE',
  'BATCH_TABLE',
  'QUOTAS_TABLE',
  'BATCH_RUNNER',
  'USER_POOL_CLIENT_ID',
  'MAX_BLOCKED_HOURS',
  'MAIL_FROM',
);
const db = documentClient();
const lambda = new LambdaClient();

export const handler = buildHandler(
  {
    sessions: dynamoSessionStore(db, env.SESSIONS_TABLE),
    locks: dynamoLockStore(db, env.BATCH_TABLE),
    batch: dynamoBatchStore(db, env.BATCH_TABLE),
    files: s3RunFiles(s3Client(), env.BUCKET_NAME),
    notices: dynamoNoticeStore(db, env.BATCH_TABLE),
    canMail: env.MAIL_FROM !== '',
    usage: dynamoUsageCounter(db, env.QUOTAS_TABLE),
    maxBlockedHours: env.MAX_BLOCKED_HOURS,
    kick: async () => void (await lambda.send(new InvokeCommand({ FunctionName: env.BATCH_RUNNER, InvocationType: 'Event' }))),
    nowMs: Date.now,
  },
  env.USER_POOL_CLIENT_ID,
);
