import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { waitsFor } from '../../core/fleet/pool.ts';
import { awsIngest } from '../adapters/aws-ingest.ts';
import { awsJobs, JOBS_ENV } from '../adapters/aws-jobs.ts';
import { documentClient } from '../adapters/clients.ts';
import { cloudWatchMetrics } from '../adapters/cloudwatch-metric.ts';
import { dynamoFleetStore } from '../adapters/dynamo-fleet-store.ts';
import { dynamoSessionStore } from '../adapters/dynamo-session-store.ts';
import { parseEnv } from '../runtime/parse-env.ts';
import { buildHandler } from './handler.ts';

const env = parseEnv(...JOBS_ENV, 'STAGE', 'SESSIONS_TABLE');
const db = documentClient();
const fleet = dynamoFleetStore(db, env.FLEET_TABLE);

export const handler = buildHandler(
  { ...awsIngest(env, db), sessions: dynamoSessionStore(db, env.SESSIONS_TABLE) },
  { ...awsJobs(env, db), isHeldBack: async () => waitsFor(await fleet.readPool(), Date.now()) !== undefined },
  cloudWatchMetrics(new CloudWatchClient(), env.STAGE),
);
