/** Message batches to SQS: concurrency and retries. */
import type { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { expect, test } from 'vitest';
import { LANES } from '../../core/contracts/lanes.ts';
import { sqsWorkQueue } from '../../lambdas/adapters/sqs-work-queue.ts';

const URLS = Object.fromEntries(LANES.map((lane) => [lane, `https://${lane}`])) as Record<(typeof LANES)[number], string>;
const chunks = (count: number) => Array.from({ length: count }, (_, i) => ({ sessionId: 'session_a', chunkNumber: i + 1 }));

/** A queue that accepts batches, except the entries that `refuses` selects. */
function world(refuses: (chunkNumber: number, tries: number) => boolean = () => false) {
  const taken: number[] = [];
  const tries = new Map<number, number>();
  const calls: number[] = [];
  let [now, most] = [0, 0];
  const send = async ({ input: { Entries = [] } }: SendMessageBatchCommand) => {
    calls.push(Entries.length);
    now += 1;
    most = Math.max(most, now);
    await new Promise(setImmediate);
    now -= 1;
    const Failed = Entries.filter(({ MessageBody = '' }) => {
      const { chunkNumber } = JSON.parse(MessageBody);
      tries.set(chunkNumber, (tries.get(chunkNumber) ?? 0) + 1);
      const isRefused = refuses(chunkNumber, tries.get(chunkNumber) ?? 0);
      if (!isRefused) taken.push(chunkNumber);
      return isRefused;
    }).map(({ Id }) => ({ Id, Code: 'InternalError', SenderFault: false }));
    return { Failed };
  };
  const queue = sqsWorkQueue({ send } as unknown as SQSClient, URLS);
  return { queue, taken, calls, most: () => most };
}

test('1,700 messages are sent in 170 calls of ten, 16 concurrently [pressure.complete]', async () => {
  const w = world();
  await w.queue.sendMany('stop', chunks(1700));
  expect(w.calls).toEqual(Array(170).fill(10));
  expect(w.most()).toBe(16);
  expect(new Set(w.taken).size).toBe(1700);
});

test('only rejected entries are sent again [pressure.complete]', async () => {
  const w = world((n, tries) => n === 3 && tries < 3);
  await w.queue.sendMany('stop', chunks(12));
  expect(w.taken.sort((a, b) => a - b)).toEqual(chunks(12).map(({ chunkNumber }) => chunkNumber));
  expect(w.calls.sort((a, b) => a - b)).toEqual([1, 1, 2, 10]);
});

test('an entry that is always rejected is an error [pressure.complete]', async () => {
  const w = world((n) => n === 1);
  await expect(w.queue.sendMany('stop', chunks(2))).rejects.toThrow('SQS rejected 1 messages: InternalError');
});
