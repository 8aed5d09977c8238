import { awsWebhooks } from '../adapters/aws-webhooks.ts';
import { documents } from '../adapters/clients.ts';
import { dynamoQuotaStore } from '../adapters/dynamo-quota-store.ts';
import { parseEnv } from '../runtime/parse-env.ts';
import { buildHandler } from './handler.ts';

const env = parseEnv('WEBHOOKS_TABLE', 'WEBHOOK_QUEUE_URL', 'WEBHOOK_LOOPBACK', 'QUOTAS_TABLE', 'USER_POOL_CLIENT_ID');
const db = documents();

export const handler = buildHandler(
  {
    ...awsWebhooks(env, db),
    quota: dynamoQuotaStore(db, env.QUOTAS_TABLE),
    rules: { allowLoopback: env.WEBHOOK_LOOPBACK },
  },
  env.USER_POOL_CLIENT_ID,
);
