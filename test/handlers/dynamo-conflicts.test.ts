/** What the adapters make of DynamoDB's answers to a write: a failed condition, a conflict of transactions, a throttle. */
import { marshall } from '@aws-sdk/util-dynamodb';
import { expect, test } from 'vitest';
import { emptyPool } from '../../core/fleet/rows.ts';
import { documentClient } from '../../lambdas/adapters/clients.ts';
import { dynamoBatchStore, dynamoNoticeStore } from '../../lambdas/adapters/dynamo-batch-store.ts';
import { dynamoChunkStore } from '../../lambdas/adapters/dynamo-chunk-store.ts';
import { dynamoFleetStore } from '../../lambdas/adapters/dynamo-fleet-store.ts';
import { dynamoJobStore } from '../../lambdas/adapters/dynamo-job-store.ts';
import { chunkRow } from '../support/rows.ts';

interface Answer {
  readonly status: number;
  readonly body: object;
}
const FINE: Answer = { status: 200, body: {} };
const refused = (type: string, more: object = {}): Answer => ({
  status: 400,
  body: { __type: `com.amazonaws.dynamodb.v20120810#${type}`, message: type, ...more },
});
const canceled = (...codes: string[]): Answer =>
  refused('TransactionCanceledException', { CancellationReasons: codes.map((Code) => ({ Code })) });

/** The real client of the functions; each request gets the next answer, and the last one from then on. */
function answering(...answers: Answer[]) {
  const requests: string[] = [];
  const handle = async ({ headers }: { readonly headers: Readonly<Record<string, string>> }) => {
    requests.push(headers['x-amz-target']?.split('.').at(-1) ?? '');
    const { status, body } = answers[Math.min(requests.length, answers.length) - 1] ?? FINE;
    const response = {
      statusCode: status,
      headers: { 'content-type': 'application/x-amz-json-1.0' },
      body: Buffer.from(JSON.stringify(body)),
    };
    return { response };
  };
  const credentials = { accessKeyId: 'id', secretAccessKey: 'secret' };
  return { db: documentClient({ region: 'eu-central-1', credentials, requestHandler: { handle } }), requests };
}

const pool = { from: emptyPool(), to: { ...emptyPool(), version: 1 } };
const commitFleet = (...answers: Answer[]) => {
  const { db, requests } = answering(...answers);
  return { requests, outcome: dynamoFleetStore(db, 'fleet').commit({ pool }) };
};

test('an insert returns the row that the condition met, although it is deleted right after', async () => {
  const existing = chunkRow(7, { fence: 3 });
  const { db, requests } = answering(refused('ConditionalCheckFailedException', { Item: marshall(existing) }), FINE);
  expect(await dynamoChunkStore(db, 'chunks').insert(chunkRow(7))).toEqual({ kind: 'exists', row: existing });
  expect(requests).toEqual(['PutItem']);
});

test('a repeated request gets the job of the row that the condition met, although the row expires right after', async () => {
  const Item = marshall({ job_id: 'key#k', made: 'job_1', request: 'r' });
  const { db, requests } = answering(refused('ConditionalCheckFailedException', { Item }), FINE);
  const known = await dynamoJobStore(db, 'jobs').remember('k', { jobId: 'job_2', request: 'r' }, 1000);
  expect(known).toEqual({ jobId: 'job_1', request: 'r' });
  expect(requests).toEqual(['PutItem']);
});

test('a transaction that only met another one is tried again', async () => {
  const { outcome, requests } = commitFleet(canceled('TransactionConflict'), canceled('None', 'ThrottlingError'), FINE);
  expect(await outcome).toBe('committed');
  expect(requests).toHaveLength(3);
});

test('a failed condition is a conflict at once, also beside another reason', async () => {
  for (const answer of [canceled('ConditionalCheckFailed'), canceled('TransactionConflict', 'ConditionalCheckFailed')]) {
    const { outcome, requests } = commitFleet(answer);
    expect(await outcome).toBe('conflict');
    expect(requests).toHaveLength(1);
  }
});

test('a transaction that stays throttled is an error, never a conflict [batch.lock]', async () => {
  const { outcome, requests } = commitFleet(canceled('ProvisionedThroughputExceeded'));
  await expect(outcome).rejects.toMatchObject({ name: 'TransactionCanceledException' });
  expect(requests).toHaveLength(5);
});

test('an invalid transaction is an error at once', async () => {
  const { outcome, requests } = commitFleet(canceled('ValidationError', 'TransactionConflict'));
  await expect(outcome).rejects.toMatchObject({ name: 'TransactionCanceledException' });
  expect(requests).toHaveLength(1);
});

test('a mail is claimed although the claim met another transaction, and a batch row is not taken for a newer one', async () => {
  const claimed = answering(canceled('TransactionConflict'), FINE);
  expect(await dynamoNoticeStore(claimed.db, 'batch').claim('notice', 0)).toBe(true);
  const saved = answering(canceled('TransactionConflict'), FINE);
  expect(await dynamoBatchStore(saved.db, 'batch').commit({})).toBe('committed');
});

test('a single write that met a transaction is tried again', async () => {
  const { db, requests } = answering(refused('TransactionConflictException'), FINE);
  expect(await dynamoChunkStore(db, 'chunks').replace(chunkRow(7), chunkRow(7))).toBe(true);
  expect(requests).toHaveLength(2);
});
