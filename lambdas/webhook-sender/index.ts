import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { awsWebhooks } from '../adapters/aws-webhooks.ts';
import { documentClient } from '../adapters/clients.ts';
import { cloudWatchMetrics } from '../adapters/cloudwatch-metric.ts';
import { dynamoNoticeStore } from '../adapters/dynamo-batch-store.ts';
import { awsMailer } from '../adapters/ses-mailer.ts';
import { webhookPost } from '../adapters/webhook-post.ts';
import { parseEnv } from '../runtime/parse-env.ts';
import { buildHandler } from './handler.ts';

const env = parseEnv(
  'STAGE',
  'WEBHOOKS_TABLE',
  'WEBHOOK_QUEUE_URL',
  'WEBHOOK_LOOPBACK',
  'BATCH_TABLE',
  'MAIL_FROM',
  'USER_POOL_ID',
);
const db = documentClient();

export const handler = buildHandler({
  ...awsWebhooks(env, db),
  post: webhookPost({ allowLoopback: env.WEBHOOK_LOOPBACK }, () => new Date()),
  random: Math.random,
  notices: dynamoNoticeStore(db, env.BATCH_TABLE),
  mailer: awsMailer(env),
  publish: cloudWatchMetrics(new CloudWatchClient(), env.STAGE),
});
