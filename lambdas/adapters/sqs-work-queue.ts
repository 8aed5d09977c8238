import { setTimeout as wait } from 'node:timers/promises';
import {
  GetQueueAttributesCommand,
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import pMap from 'p-map';
import type { WorkQueue } from '../../core/chunk-cache/ports.ts';
import type { WorkMessage } from '../../core/contracts/events.ts';
import type { Lane } from '../../core/contracts/lanes.ts';

/** Limit of SendMessageBatch. */
const MESSAGES_PER_CALL = 10;
const CALLS_AT_ONCE = 16;
const MAX_TRIES = 4;
const FIRST_WAIT_MS = 50;

const bodyOf = (sessionId: string, chunkNumber: number): string =>
  JSON.stringify({ version: 1, kind: 'chunk', sessionId, chunkNumber } satisfies WorkMessage);

/** Sends one batch and retries the entries that SQS rejects. @throws Error when entries are still rejected after MAX_TRIES */
async function sendBatch(sqs: SQSClient, QueueUrl: string, entries: readonly SendMessageBatchRequestEntry[]): Promise<void> {
  let left = [...entries];
  for (let tries = 1; ; tries += 1) {
    const { Failed = [] } = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries: left }));
    if (Failed.length === 0) return;
    if (tries === MAX_TRIES) throw new Error(`SQS rejected ${Failed.length} messages: ${Failed[0]?.Code}`);
    const refused = new Set(Failed.map(({ Id }) => Id));
    left = left.filter(({ Id }) => refused.has(Id));
    await wait(Math.random() * FIRST_WAIT_MS * 2 ** tries);
  }
}

export const sqsWorkQueue = (sqs: SQSClient, urls: Readonly<Record<Lane, string>>): WorkQueue => ({
  async send(lane, sessionId, chunkNumber) {
    await sqs.send(new SendMessageCommand({ QueueUrl: urls[lane], MessageBody: bodyOf(sessionId, chunkNumber) }));
  },

  async sendMany(lane, chunks) {
    const entries = chunks.map(({ sessionId, chunkNumber }, i) => ({
      Id: String(i % MESSAGES_PER_CALL),
      MessageBody: bodyOf(sessionId, chunkNumber),
    }));
    const batches = Array.from({ length: Math.ceil(entries.length / MESSAGES_PER_CALL) }, (_, i) =>
      entries.slice(i * MESSAGES_PER_CALL, (i + 1) * MESSAGES_PER_CALL),
    );
    await pMap(batches, (batch) => sendBatch(sqs, urls[lane], batch), { concurrency: CALLS_AT_ONCE });
  },
});

/** Approximate number of messages waiting in a lane. */
export const sqsQueueLength =
  (sqs: SQSClient, urls: Readonly<Record<Lane, string>>) =>
  async (lane: Lane): Promise<number> => {
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: urls[lane], AttributeNames: ['ApproximateNumberOfMessages'] }),
    );
    return Number(Attributes?.['ApproximateNumberOfMessages'] ?? 0);
  };
