import { setTimeout as wait } from 'node:timers/promises';
import { SFNClient } from '@aws-sdk/client-sfn';
import { machinesFor, waitingSeconds } from '../../core/fleet/machines-wanted.ts';
import { isBudgetSpent } from '../../core/ledger/costs.ts';
import { documentClient } from '../adapters/clients.ts';
import { dynamoChunkStore } from '../adapters/dynamo-chunk-store.ts';
import { dynamoFleetStore } from '../adapters/dynamo-fleet-store.ts';
import { dynamoLedgerStore } from '../adapters/dynamo-ledger-store.ts';
import { ec2Machines } from '../adapters/ec2-machines.ts';
import { sfnRuns } from '../adapters/sfn-runs.ts';
import { parseEnv } from '../runtime/parse-env.ts';
import { buildHandler } from './handler.ts';

const POLL_SECONDS = 2;
/** Below the function's timeout of one minute. */
const POLL_TIMEOUT_SECONDS = 45;
/** Rows read per shard; enough waiting audio for the largest pool. */
const WAITING_ROWS = 500;

const env = parseEnv(
  'FLEET_TABLE',
  'CHUNKS_TABLE',
  'LEDGER_TABLE',
  'INSTANCE_IDS',
  'DAILY_BUDGET_USD',
  'GPU_USD_PER_HOUR',
  'BACKLOG_SECONDS_PER_MACHINE',
);
const db = documentClient();
const chunks = dynamoChunkStore(db, env.CHUNKS_TABLE);
const ledger = { ledger: dynamoLedgerStore(db, env.LEDGER_TABLE), usdPerHour: env.GPU_USD_PER_HOUR, nowMs: Date.now };
const sfn = new SFNClient();

export const handler = buildHandler({
  store: dynamoFleetStore(db, env.FLEET_TABLE),
  machines: ec2Machines(),
  instanceIds: env.INSTANCE_IDS,
  runsOf: (stateMachineArn) => sfnRuns(sfn, stateMachineArn),
  machinesWanted: async () =>
    machinesFor(waitingSeconds(await chunks.listPending(WAITING_ROWS)), env.BACKLOG_SECONDS_PER_MACHINE, env.INSTANCE_IDS.length),
  isBudgetSpent: () => isBudgetSpent({ ...ledger, budgetUsd: env.DAILY_BUDGET_USD }),
  nowMs: Date.now,
  poll: async (done) => {
    const deadlineMs = Date.now() + POLL_TIMEOUT_SECONDS * 1000;
    while (Date.now() < deadlineMs) {
      if (await done()) return true;
      await wait(POLL_SECONDS * 1000);
    }
    return done();
  },
});
