import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { SFNClient } from '@aws-sdk/client-sfn';
import { QUEUE_NAMES, queueUrls } from '../../core/contracts/env.ts';
import { METRICS } from '../../core/contracts/metrics.ts';
import { documents, queueing } from '../adapters/clients.ts';
import { cloudWatchMetric } from '../adapters/cloudwatch-metric.ts';
import { dynamoChunkStore } from '../adapters/dynamo-chunk-store.ts';
import { dynamoFleetStore } from '../adapters/dynamo-fleet-store.ts';
import { dynamoLedgerStore } from '../adapters/dynamo-ledger-store.ts';
import { ec2Machines } from '../adapters/ec2-machines.ts';
import { sfnRuns } from '../adapters/sfn-runs.ts';
import { sqsWorkQueue } from '../adapters/sqs-work-queue.ts';
import { parseEnv } from '../runtime/parse-env.ts';
import { buildHandler } from './handler.ts';

const env = parseEnv('CHUNKS_TABLE', 'FLEET_TABLE', 'LEDGER_TABLE', 'STATE_MACHINE_ARN', 'INSTANCE_IDS', 'STAGE', ...QUEUE_NAMES);
const db = documents();

export const handler = buildHandler({
  chunks: dynamoChunkStore(db, env.CHUNKS_TABLE),
  queue: sqsWorkQueue(queueing(), queueUrls(env)),
  store: dynamoFleetStore(db, env.FLEET_TABLE),
  machines: ec2Machines(),
  runs: sfnRuns(new SFNClient(), env.STATE_MACHINE_ARN),
  ledger: dynamoLedgerStore(db, env.LEDGER_TABLE),
  reportOverdueStop: cloudWatchMetric(new CloudWatchClient(), env.STAGE, METRICS.stopNotConfirmed),
  instanceIds: env.INSTANCE_IDS,
  nowMs: Date.now,
});
