import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { Context, DynamoDBStreamEvent, SQSEvent } from 'aws-lambda';
import * as z from 'zod';
import { JobRow } from '../../core/contracts/jobs.ts';
import { METRICS, type Metric } from '../../core/contracts/metrics.ts';
import { SessionRow } from '../../core/contracts/rows.ts';
import { DeliveryMessage } from '../../core/contracts/webhooks.ts';
import { type JobMailDeps, notifyJobOwner } from '../../core/file-jobs/mail.ts';
import { workSeconds } from '../../core/file-jobs/statistics.ts';
import { createDeliveries, jobEndEvent, sessionEndEvent } from '../../core/webhooks/outbox.ts';
import type { SendDeps } from '../../core/webhooks/ports.ts';
import { attempt, enqueueDue } from '../../core/webhooks/send.ts';
import { containmentOf } from '../runtime/containment.ts';
import { logger } from '../runtime/logger.ts';

export interface WebhookSenderDeps extends SendDeps, JobMailDeps {
  readonly publish: (values: Partial<Record<Metric, number>>) => Promise<void>;
}

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
    const ending = job === undefined ? sessionEndEvent(SessionRow.parse(image)) : jobEndEvent(job);
    if (ending === undefined) return;
    const addresses = await createDeliveries(deps, ending);
    if (addresses > 0) logger.info('webhook deliveries queued', { event: ending.event, addresses });
    if (job === undefined) return;
    const minutes = (job.seconds ?? 0) / 60;
    const worked = job.status === 'completed' && minutes > 0 ? workSeconds(job) : undefined;
    await deps.publish({
      [job.status === 'completed' ? METRICS.filesCompleted : METRICS.filesFailed]: 1,
      ...(worked !== undefined && { [METRICS.secondsPerAudioMinute]: worked / minutes }),
    });
    // A failed email is only counted: an exception would make the stream repeat the whole batch.
    await notifyJobOwner(deps, job).catch(async (error: unknown) => {
      logger.warn('email not sent', error as Error);
      await deps.publish({ [METRICS.mailFailed]: 1 });
    });
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
