import { GetQueueAttributesCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { WorkQueue } from '../../core/chunk-cache/ports.ts';
import type { WorkMessage } from '../../core/contracts/events.ts';
import type { Lane } from '../../core/contracts/lanes.ts';

export const sqsWorkQueue = (sqs: SQSClient, urls: Readonly<Record<Lane, string>>): WorkQueue => ({
  async send(lane, sessionId, chunkNumber) {
    const message: WorkMessage = { version: 1, kind: 'chunk', sessionId, chunkNumber };
    await sqs.send(new SendMessageCommand({ QueueUrl: urls[lane], MessageBody: JSON.stringify(message) }));
  },
});

/** Messages that wait to be received, about: SQS counts in several places. */
export const sqsQueueLength =
  (sqs: SQSClient, urls: Readonly<Record<Lane, string>>) =>
  async (lane: Lane): Promise<number> => {
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: urls[lane], AttributeNames: ['ApproximateNumberOfMessages'] }),
    );
    return Number(Attributes?.['ApproximateNumberOfMessages'] ?? 0);
  };
