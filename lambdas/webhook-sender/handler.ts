import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { Context, DynamoDBStreamEvent, SQSEvent } from 'aws-lambda';
import * as z from 'zod';
import { JobRow } from '../../core/contracts/jobs.ts';
import { SessionRow } from '../../core/contracts/rows.ts';
import { DeliveryMessage } from '../../core/contracts/webhooks.ts';
import { type JobEndDeps, reportJobEnd } from '../../core/file-jobs/end.ts';
import { reportSessionEnd } from '../../core/webhooks/outbox.ts';
import type { SendDeps } from '../../core/webhooks/ports.ts';
import { attempt, enqueueDue } from '../../core/webhooks/send.ts';
import { containmentOf } from '../runtime/containment.ts';
import { logger, warn } from '../runtime/logger.ts';

export interface WebhookSenderDeps extends SendDeps, JobEndDeps {}

const FromQueue = z.object({ Records: z.array(z.object({ eventSource: z.literal('aws:sqs') })).min(1) });
const FromStream = z.object({ Records: z.array(z.object({ dynamodb: z.object({}) })).min(1) });

/**
 * Sends webhooks. Outbox steps by event source:
 *   - table stream: a job or session has ended -> store its deliveries and queue them; publish file metrics; email the owner
 *   - queue: one delivery -> one attempt
 *   - schedule (every minute): deliveries that are due -> queue
 *
 * Gotcha: each attempt is a separate invocation, so a slow receiver does not delay other deliveries.
 */
export const buildHandler = (deps: WebhookSenderDeps) => {
  async function noteEnd(image: Record<string, unknown>): Promise<void> {
    const job = JobRow.safeParse(image).data;
    const queued =
      job === undefined ? await reportSessionEnd(deps, SessionRow.parse(image)) : await reportJobEnd(deps, job, warn);
    if (queued !== undefined && queued.addresses > 0) logger.info('webhook deliveries queued', { ...queued });
  }

  return async (event: unknown, context: Pick<Context, 'getRemainingTimeInMillis'>): Promise<void> => {
    if (FromQueue.safeParse(event).success) {
      for (const { body } of (event as SQSEvent).Records) {
        const { userId, deliveryId } = DeliveryMessage.parse(JSON.parse(body));
        logger.info('webhook', { deliveryId, outcome: await attempt(deps, userId, deliveryId) });
      }
    } else if (FromStream.safeParse(event).success) {
      for (const { dynamodb } of (event as DynamoDBStreamEvent).Records)
        if (dynamodb?.NewImage !== undefined) await noteEnd(unmarshall(dynamodb.NewImage as Record<string, AttributeValue>));
    } else await enqueueDue(deps, containmentOf(context, deps.publish));
  };
};
