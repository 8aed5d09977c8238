import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { SFNClient } from '@aws-sdk/client-sfn';
import { QUEUE_NAMES, queueUrls } from '../../core/contracts/env.ts';
import { documentClient, sqsClient } from '../adapters/clients.ts';
import { cloudWatchMetrics } from '../adapters/cloudwatch-metric.ts';
import { dynamoBatchStore } from '../adapters/dynamo-batch-store.ts';
import { dynamoChunkStore } from '../adapters/dynamo-chunk-store.ts';
import { dynamoFleetStore } from '../adapters/dynamo-fleet-store.ts';
import { dynamoLedgerStore } from '../adapters/dynamo-ledger-store.ts';
import { ec2Machines } from '../adapters/ec2-machines.ts';
import { sfnRuns } from '../adapters/sfn-runs.ts';
import { sqsWorkQueue } from '../adapters/sqs-work-queue.ts';
import { parseEnv } from '../runtime/parse-env.ts';
import { buildHandler } from './handler.ts';

const env = parseEnv(
  'BATCH_TABLE',
  'CHUNKS_TABLE',
  'FLEET_TABLE',
  'LEDGER_TABLE',
  'STATE_MACHINE_ARN',
  'INSTANCE_IDS',
  'STAGE',
  'GPU_USD_PER_HOUR',
  ...QUEUE_NAMES,
);
const db = documentClient();

export const handler = buildHandler({
  batch: dynamoBatchStore(db, env.BATCH_TABLE),
  chunks: dynamoChunkStore(db, env.CHUNKS_TABLE),
  queue: sqsWorkQueue(sqsClient(), queueUrls(env)),
  store: dynamoFleetStore(db, env.FLEET_TABLE),
  machines: ec2Machines(),
  runs: sfnRuns(new SFNClient(), env.STATE_MACHINE_ARN),
  ledger: dynamoLedgerStore(db, env.LEDGER_TABLE),
  publish: cloudWatchMetrics(new CloudWatchClient(), env.STAGE),
  usdPerHour: env.GPU_USD_PER_HOUR,
  instanceIds: env.INSTANCE_IDS,
  nowMs: Date.now,
});
