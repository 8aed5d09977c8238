/** Events that come twice, late or never; calls whose answer is lost; machines that are taken away or cannot work. */
import { afterEach, expect, test } from 'vitest';
import { poll } from '../../host/poll.ts';
import { breaks, lastExecution, mends, statesOf, withWorkerSettings } from './faults.ts';
import { checkInvariants } from './invariants.ts';
import {
  allStopped,
  atRest,
  chunkRows,
  instanceIds,
  poolRow,
  sampleChunks,
  sessionInTheMiddle,
  settled,
  startAllowedFrom,
  unlikeOthers,
  userA,
} from './support.ts';

const chunks = sampleChunks();

afterEach(async () => {
  mends();
  await atRest();
  await checkInvariants();
});

async function record(): Promise<string> {
  const { id } = await userA.createSession();
  for (const [i, chunk] of chunks.slice(0, 3).entries()) await userA.upload(id, i + 1, unlikeOthers(chunk));
  return id;
}

/** Everything was transcribed once, at the first attempt. */
async function doneOnce(id: string): Promise<void> {
  await userA.complete(id, 3);
  expect((await userA.awaitTranscript(id, 170)).status).toBe('completed');
  expect((await chunkRows(id)).map(({ state, attempts }) => [state, attempts])).toEqual([1, 2, 3].map(() => ['done', 1]));
}

test.each([
  ['twice', { do: 'repeat', times: 3 }],
  ['late', { do: 'delay', times: 3, seconds: 4 }],
  ['never', { do: 'drop', times: 3 }],
] as const)('S3 tells of each chunk %s: each is transcribed once', async (_when, rule) => {
  breaks({ events: [{ detail_type: 'Object Created', ...rule }] });
  await doneOnce(await record());
});

test('EC2 and Step Functions tell of nothing: runs come and go all the same', async () => {
  const silent = { do: 'drop', times: 1000 } as const;
  breaks({
    events: [
      { detail_type: 'EC2 Instance State-change Notification', ...silent },
      { detail_type: 'Step Functions Execution Status Change', ...silent },
    ],
  });
  await doneOnce(await record());
});

test.each([true, false])('calls are answered by an error (effect applied: %s): slower, never wrong', async (effect) => {
  const fails = (service: string, action: string) => ({ service, action, times: 2, effect });
  breaks({
    calls: [
      fails('dynamodb', 'TransactWriteItems'),
      fails('dynamodb', 'UpdateItem'),
      fails('dynamodb', 'PutItem'),
      fails('sqs', 'SendMessage'),
      fails('sqs', 'DeleteMessage'),
      fails('ec2', 'StartInstances'),
      fails('ec2', 'StopInstances'),
      fails('states', 'StartExecution'),
      fails('states', 'SendTaskSuccess'),
    ],
  });
  const id = await record();
  await userA.complete(id, 3);
  expect((await userA.awaitTranscript(id, 170)).status).toBe('completed');
});

test('a spot machine that EC2 takes away gives its work back at once, and the next one does it without an attempt lost', async () => {
  const { id, count } = await sessionInTheMiddle(4); // more than it can do until it asks for notices again
  const { serving } = await poolRow();
  breaks({ spot_notice: serving?.machines ?? instanceIds });
  await poll('the machine that is gone', 60, allStopped);
  expect((await chunkRows(id)).some(({ state }) => state === 'pending')).toBe(true);
  expect(await statesOf(await lastExecution())).toContain('LeaveFailed');
  mends();
  await userA.complete(id, count);
  const session = await userA.awaitChunks(id, 170, settled(count));
  expect(session.chunks.every(({ state, attempts }) => state === 'done' && attempts === 1)).toBe(true);
  // Given back, and not left to the end of a lease: then they would be under suspicion.
  expect((await chunkRows(id)).filter(({ suspect }) => suspect)).toEqual([]);
});

test('a machine that cannot work says why, costs no chunk an attempt, and is stopped', async () => {
  const id = await withWorkerSettings({ MIN_FREE_DISK_MB: '999999999' }, async () => {
    const session = await record();
    await poll('the reason', 90, async () => (await poolRow()).last_error === 'DiskFull');
    await poll('the stopped machine', 60, allStopped);
    return session;
  });
  expect((await chunkRows(id)).map(({ state, attempts }) => [state, attempts])).toEqual([1, 2, 3].map(() => ['pending', 0]));
  await startAllowedFrom(0);
  await doneOnce(id);
  await atRest();
  expect(await poolRow()).not.toHaveProperty('last_error');
});
