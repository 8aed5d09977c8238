import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import { SESv2Client } from '@aws-sdk/client-sesv2';
import { awsWebhooks } from '../adapters/aws-webhooks.ts';
import { documentClient } from '../adapters/clients.ts';
import { cloudWatchMetrics } from '../adapters/cloudwatch-metric.ts';
import { dynamoNoticeStore } from '../adapters/dynamo-batch-store.ts';
import { sesMailer } from '../adapters/ses-mailer.ts';
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
  mailer:
    env.MAIL_FROM === ''
      ? undefined
      : sesMailer(new SESv2Client(), new CognitoIdentityProviderClient(), { from: env.MAIL_FROM, userPoolId: env.USER_POOL_ID }),
  publish: cloudWatchMetrics(new CloudWatchClient(), env.STAGE),
});
