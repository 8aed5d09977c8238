import { QUEUE_NAMES } from '../../core/contracts/env.ts';
import { awsJobs } from '../adapters/aws-jobs.ts';
import { documentClient } from '../adapters/clients.ts';
import { parseEnv } from '../runtime/parse-env.ts';
import { buildHandler } from './handler.ts';

const env = parseEnv(
  'BUCKET_NAME',
  'CHUNKS_TABLE',
  'JOBS_TABLE',
  'QUOTAS_TABLE',
  'FLEET_TABLE',
  'STATE_MACHINE_ARN',
  ...QUEUE_NAMES,
);

export const handler = buildHandler(awsJobs(env, documentClient()));
