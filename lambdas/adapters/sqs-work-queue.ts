import { GetQueueAttributesCommand, SendMessageBatchCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { WorkQueue } from '../../core/chunk-cache/ports.ts';
import type { WorkMessage } from '../../core/contracts/events.ts';
import type { Lane } from '../../core/contracts/lanes.ts';

/** SQS's own limit. */
const SENDS_AT_ONCE = 10;

const bodyOf = (sessionId: string, chunkNumber: number): string =>
  JSON.stringify({ version: 1, kind: 'chunk', sessionId, chunkNumber } satisfies WorkMessage);

export const sqsWorkQueue = (sqs: SQSClient, urls: Readonly<Record<Lane, string>>): WorkQueue => ({
  async send(lane, sessionId, chunkNumber) {
    await sqs.send(new SendMessageCommand({ QueueUrl: urls[lane], MessageBody: bodyOf(sessionId, chunkNumber) }));
  },

  async sendMany(lane, chunks) {
    for (let from = 0; from < chunks.length; from += SENDS_AT_ONCE) {
      const Entries = chunks
        .slice(from, from + SENDS_AT_ONCE)
        .map(({ sessionId, chunkNumber }, i) => ({ Id: String(i), MessageBody: bodyOf(sessionId, chunkNumber) }));
      const { Failed = [] } = await sqs.send(new SendMessageBatchCommand({ QueueUrl: urls[lane], Entries }));
      if (Failed.length > 0) throw new Error(`${Failed.length} messages were not taken: ${Failed[0]?.Code}`);
    }
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
