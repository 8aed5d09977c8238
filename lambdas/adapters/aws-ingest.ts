import { SFNClient } from '@aws-sdk/client-sfn';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { type FunctionEnv, QUEUE_NAMES, queueUrls } from '../../core/contracts/env.ts';
import { wake } from '../../core/fleet/run-steps.ts';
import type { IngestDeps } from '../../core/sessions/ingest.ts';
import { s3Client, sqsClient } from './clients.ts';
import { dynamoChunkStore } from './dynamo-chunk-store.ts';
import { dynamoFleetStore } from './dynamo-fleet-store.ts';
import { s3ChunkObjects } from './s3-objects.ts';
import { sfnRuns } from './sfn-runs.ts';
import { sqsWorkQueue } from './sqs-work-queue.ts';

/** Names of the environment variables that `awsIngest` needs. */
export const INGEST_ENV = ['BUCKET_NAME', 'CHUNKS_TABLE', 'FLEET_TABLE', 'STATE_MACHINE_ARN', ...QUEUE_NAMES] as const;
type Env = Pick<FunctionEnv, (typeof INGEST_ENV)[number]>;

/** AWS dependencies of chunk ingestion. The caller adds the session store. */
export function awsIngest(env: Env, db: DynamoDBDocumentClient): Omit<IngestDeps, 'sessions'> {
  const fleet = {
    store: dynamoFleetStore(db, env.FLEET_TABLE),
    runs: sfnRuns(new SFNClient(), env.STATE_MACHINE_ARN),
    nowMs: Date.now,
  };
  return {
    chunks: dynamoChunkStore(db, env.CHUNKS_TABLE),
    objects: s3ChunkObjects(s3Client(), env.BUCKET_NAME),
    queue: sqsWorkQueue(sqsClient(), queueUrls(env)),
    wake: () => wake(fleet),
    nowMs: Date.now,
  };
}
