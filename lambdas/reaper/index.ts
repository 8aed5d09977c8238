import { EC2Client } from '@aws-sdk/client-ec2';
import { SFNClient } from '@aws-sdk/client-sfn';
import { QUEUE_NAMES, queueUrls } from '../../core/contracts/env.ts';
import { documents, queueing } from '../adapters/clients.ts';
import { dynamoChunkStore } from '../adapters/dynamo-chunk-store.ts';
import { dynamoFleetStore } from '../adapters/dynamo-fleet-store.ts';
import { ec2Machines } from '../adapters/ec2-machines.ts';
import { sfnRuns } from '../adapters/sfn-runs.ts';
import { sqsWorkQueue } from '../adapters/sqs-work-queue.ts';
import { parseEnv } from '../runtime/parse-env.ts';
import { buildHandler } from './handler.ts';

const env = parseEnv('CHUNKS_TABLE', 'FLEET_TABLE', 'STATE_MACHINE_ARN', 'INSTANCE_IDS', ...QUEUE_NAMES);
const db = documents();

export const handler = buildHandler({
  chunks: dynamoChunkStore(db, env.CHUNKS_TABLE),
  queue: sqsWorkQueue(queueing(), queueUrls(env)),
  store: dynamoFleetStore(db, env.FLEET_TABLE),
  machines: ec2Machines(new EC2Client()),
  runs: sfnRuns(new SFNClient(), env.STATE_MACHINE_ARN),
  instanceIds: env.INSTANCE_IDS,
  nowMs: Date.now,
});
