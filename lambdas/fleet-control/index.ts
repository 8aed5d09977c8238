import { setTimeout as wait } from 'node:timers/promises';
import { EC2Client } from '@aws-sdk/client-ec2';
import { documents } from '../adapters/clients.ts';
import { dynamoFleetStore } from '../adapters/dynamo-fleet-store.ts';
import { ec2Machines } from '../adapters/ec2-machines.ts';
import { parseEnv } from '../runtime/parse-env.ts';
import { buildHandler } from './handler.ts';

const POLL_SECONDS = 2;
/** Below the function's timeout of one minute. */
const PATIENCE_SECONDS = 50;

const env = parseEnv('FLEET_TABLE', 'INSTANCE_IDS');

export const handler = buildHandler({
  store: dynamoFleetStore(documents(), env.FLEET_TABLE),
  machines: ec2Machines(new EC2Client()),
  instanceIds: env.INSTANCE_IDS,
  nowMs: Date.now,
  poll: async (done) => {
    const deadlineMs = Date.now() + PATIENCE_SECONDS * 1000;
    while (Date.now() < deadlineMs) {
      if (await done()) return true;
      await wait(POLL_SECONDS * 1000);
    }
    return done();
  },
});
