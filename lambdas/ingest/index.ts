import { awsIngest } from '../adapters/aws-ingest.ts';
import { awsJobs, JOBS_ENV } from '../adapters/aws-jobs.ts';
import { documentClient } from '../adapters/clients.ts';
import { dynamoLockStore } from '../adapters/dynamo-batch-store.ts';
import { dynamoSessionStore } from '../adapters/dynamo-session-store.ts';
import { parseEnv } from '../runtime/parse-env.ts';
import { buildHandler } from './handler.ts';

const env = parseEnv(...JOBS_ENV, 'SESSIONS_TABLE', 'BATCH_TABLE');
const db = documentClient();

export const handler = buildHandler(
  {
    ...awsIngest(env, db),
    sessions: dynamoSessionStore(db, env.SESSIONS_TABLE),
    locks: dynamoLockStore(db, env.BATCH_TABLE),
  },
  awsJobs(env, db),
);
