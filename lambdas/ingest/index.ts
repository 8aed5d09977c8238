import { QUEUE_NAMES } from '../../core/contracts/env.ts';
import { awsIngest } from '../adapters/aws-ingest.ts';
import { awsJobs } from '../adapters/aws-jobs.ts';
import { documentClient } from '../adapters/clients.ts';
import { dynamoLockStore } from '../adapters/dynamo-batch-store.ts';
import { dynamoSessionStore } from '../adapters/dynamo-session-store.ts';
import { parseEnv } from '../runtime/parse-env.ts';
import { buildHandler } from './handler.ts';

const env = parseEnv(
  'BUCKET_NAME',
  'SESSIONS_TABLE',
  'CHUNKS_TABLE',
  'FLEET_TABLE',
  'BATCH_TABLE',
  'JOBS_TABLE',
  'QUOTAS_TABLE',
  'STATE_MACHINE_ARN',
  ...QUEUE_NAMES,
);
const db = documentClient();

export const handler = buildHandler(
  {
    ...awsIngest(env, db),
    sessions: dynamoSessionStore(db, env.SESSIONS_TABLE),
    locks: dynamoLockStore(db, env.BATCH_TABLE),
  },
  awsJobs(env, db),
);
