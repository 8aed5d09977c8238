import { awsJobs, JOBS_ENV } from '../adapters/aws-jobs.ts';
import { documentClient } from '../adapters/clients.ts';
import { parseEnv } from '../runtime/parse-env.ts';
import { buildHandler } from './handler.ts';

export const handler = buildHandler(awsJobs(parseEnv(...JOBS_ENV), documentClient()));
