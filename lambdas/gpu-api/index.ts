import { QUEUE_NAMES, queueUrls } from '../../core/contracts/env.ts';
import { documentClient, sqsClient } from '../adapters/clients.ts';
import { dynamoChunkStore } from '../adapters/dynamo-chunk-store.ts';
import { dynamoFleetStore } from '../adapters/dynamo-fleet-store.ts';
import { dynamoJobStore } from '../adapters/dynamo-job-store.ts';
import { dynamoLedgerStore } from '../adapters/dynamo-ledger-store.ts';
import { dynamoUsageCounter } from '../adapters/dynamo-usage-counter.ts';
import { ec2Machines } from '../adapters/ec2-machines.ts';
import { sqsQueueLength } from '../adapters/sqs-work-queue.ts';
import { parseEnv } from '../runtime/parse-env.ts';
import { buildHandler } from './handler.ts';

const env = parseEnv(
  'FLEET_TABLE',
  'CHUNKS_TABLE',
  'JOBS_TABLE',
  'QUOTAS_TABLE',
  'LEDGER_TABLE',
  'INSTANCE_IDS',
  'DAILY_BUDGET_USD',
  'GPU_USD_PER_HOUR',
  'LIVE_DEFAULT',
  'USER_POOL_CLIENT_ID',
  ...QUEUE_NAMES,
);
const db = documentClient();

export const handler = buildHandler(
  {
    store: dynamoFleetStore(db, env.FLEET_TABLE),
    chunks: dynamoChunkStore(db, env.CHUNKS_TABLE),
    jobs: dynamoJobStore(db, env.JOBS_TABLE),
    usage: dynamoUsageCounter(db, env.QUOTAS_TABLE),
    ledger: dynamoLedgerStore(db, env.LEDGER_TABLE),
    machines: ec2Machines(),
    instanceIds: env.INSTANCE_IDS,
    budgetUsd: env.DAILY_BUDGET_USD,
    usdPerHour: env.GPU_USD_PER_HOUR,
    liveDefault: env.LIVE_DEFAULT,
    queueLength: sqsQueueLength(sqsClient(), queueUrls(env)),
    nowMs: Date.now,
  },
  env.USER_POOL_CLIENT_ID,
);
