import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { FunctionEnv } from '../../core/contracts/env.ts';
import { countSeconds } from '../../core/file-jobs/begin.ts';
import type { ControlDeps } from '../../core/file-jobs/control.ts';
import { noteFileEnd } from '../../core/file-jobs/statistics.ts';
import { awsIngest, INGEST_ENV } from './aws-ingest.ts';
import { s3Client } from './clients.ts';
import { dynamoJobStore } from './dynamo-job-store.ts';
import { dynamoUsageCounter } from './dynamo-usage-counter.ts';
import { s3FileObjects, s3PartUploads } from './s3-files.ts';

/** Names of the environment variables that `awsJobs` needs. */
export const JOBS_ENV = [...INGEST_ENV, 'JOBS_TABLE', 'QUOTAS_TABLE'] as const;
type Env = Pick<FunctionEnv, (typeof JOBS_ENV)[number]>;

/** AWS dependencies of file jobs. */
export function awsJobs(env: Env, db: DynamoDBDocumentClient): ControlDeps {
  const { chunks, queue, wake, nowMs } = awsIngest(env, db);
  const s3 = s3Client();
  const usage = dynamoUsageCounter(db, env.QUOTAS_TABLE);
  return {
    jobs: dynamoJobStore(db, env.JOBS_TABLE),
    chunks,
    queue,
    wake,
    nowMs,
    files: s3FileObjects(s3, env.BUCKET_NAME),
    uploads: s3PartUploads(s3, env.BUCKET_NAME),
    countSeconds: countSeconds({ usage, nowMs }),
    noteEnd: (job) => noteFileEnd({ usage, nowMs }, job),
  };
}
