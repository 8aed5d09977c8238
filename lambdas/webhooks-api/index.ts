import { awsWebhooks } from '../adapters/aws-webhooks.ts';
import { documentClient } from '../adapters/clients.ts';
import { dynamoUsageCounter } from '../adapters/dynamo-usage-counter.ts';
import { parseEnv } from '../runtime/parse-env.ts';
import { buildHandler } from './handler.ts';

const env = parseEnv(
  'WEBHOOKS_TABLE',
  'WEBHOOK_QUEUE_URL',
  'WEBHOOK_LOOPBACK',
  'WEBHOOK_PORTS',
  'QUOTAS_TABLE',
  'USER_POOL_CLIENT_ID',
);
const db = documentClient();

export const handler = buildHandler(
  {
    ...awsWebhooks(env, db),
    usage: dynamoUsageCounter(db, env.QUOTAS_TABLE),
    rules: { allowLoopback: env.WEBHOOK_LOOPBACK, ports: env.WEBHOOK_PORTS },
  },
  env.USER_POOL_CLIENT_ID,
);
