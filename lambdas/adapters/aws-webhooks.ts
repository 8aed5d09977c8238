import { randomBytes } from 'node:crypto';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { FunctionEnv } from '../../core/contracts/env.ts';
import type { DeliveryMessage } from '../../core/contracts/webhooks.ts';
import type { WebhookDeps } from '../../core/webhooks/ports.ts';
import { sqsClient } from './clients.ts';
import { dynamoWebhookStore } from './dynamo-webhook-store.ts';

const SECRET_BYTES = 32;

/** AWS dependencies that create and enqueue webhook deliveries. Only the WebhookSender function sends them. */
export function awsWebhooks(
  env: Pick<FunctionEnv, 'WEBHOOKS_TABLE' | 'WEBHOOK_QUEUE_URL'>,
  db: DynamoDBDocumentClient,
): WebhookDeps {
  const sqs = sqsClient();
  return {
    webhooks: dynamoWebhookStore(db, env.WEBHOOKS_TABLE),
    async enqueue(userId, deliveryId, DelaySeconds) {
      const MessageBody = JSON.stringify({ version: 1, userId, deliveryId } satisfies DeliveryMessage);
      await sqs.send(new SendMessageCommand({ QueueUrl: env.WEBHOOK_QUEUE_URL, MessageBody, DelaySeconds }));
    },
    newSecret: () => `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`,
    nowMs: Date.now,
  };
}
