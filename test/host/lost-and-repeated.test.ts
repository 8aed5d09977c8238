/** Repeated, late and lost events; failing calls; interrupted and broken machines. */
import { afterEach, expect, test } from 'vitest';
import { poll } from '../../host/poll.ts';
import { clearFaults, injectFaults, lastExecution, statesOf, withWorkerSettings } from './faults.ts';
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
  uniqueCopy,
  userA,
} from './support.ts';

const chunks = sampleChunks();

afterEach(async () => {
  clearFaults();
  await atRest();
  await checkInvariants();
});

async function record(): Promise<string> {
  const { id } = await userA.createSession();
  for (const [i, chunk] of chunks.slice(0, 3).entries()) await userA.upload(id, i + 1, uniqueCopy(chunk));
  return id;
}

/** Completes the session and checks that each chunk was transcribed in one attempt. */
async function doneOnce(id: string): Promise<void> {
  await userA.complete(id, 3);
  expect((await userA.awaitTranscript(id, 170)).status).toBe('completed');
  expect((await chunkRows(id)).map(({ state, attempts }) => [state, attempts])).toEqual([1, 2, 3].map(() => ['done', 1]));
}

test.each([
  ['twice', { do: 'repeat', times: 3 }],
  ['late', { do: 'delay', times: 3, seconds: 4 }],
  ['never', { do: 'drop', times: 3 }],
] as const)('if S3 events are delivered %s, each chunk is transcribed once [events.lost]', async (_when, rule) => {
  injectFaults({ events: [{ detail_type: 'Object Created', ...rule }] });
  await doneOnce(await record());
});

test('runs start and end without events of EC2 and Step Functions [events.lost]', async () => {
  const silent = { do: 'drop', times: 1000 } as const;
  injectFaults({
    events: [
      { detail_type: 'EC2 Instance State-change Notification', ...silent },
      { detail_type: 'Step Functions Execution Status Change', ...silent },
    ],
  });
  await doneOnce(await record());
});

test.each([true, false])('failing AWS calls (effect applied: %s) only delay the result [events.lost]', async (effect) => {
  const fails = (service: string, action: string) => ({ service, action, times: 2, effect });
  injectFaults({
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

test('an interrupted spot machine releases its work at once, and the next one does it without a failed attempt [worker.machine-faults]', async () => {
  const { id, count } = await sessionInTheMiddle(4); // more than the worker can do before it checks for notices
  const { serving } = await poolRow();
  injectFaults({ spot_notice: serving?.machines ?? instanceIds });
  await poll('the machine that is gone', 60, allStopped);
  expect((await chunkRows(id)).some(({ state }) => state === 'pending')).toBe(true);
  expect(await statesOf(await lastExecution())).toContain('LeaveFailed');
  clearFaults();
  await userA.complete(id, count);
  const session = await userA.awaitChunks(id, 170, settled(count));
  expect(session.chunks.every(({ state, attempts }) => state === 'done' && attempts === 1)).toBe(true);
  // Released, not expired: expired leases would make the chunks suspect.
  expect((await chunkRows(id)).filter(({ suspect }) => suspect)).toEqual([]);
});

test('a machine that cannot work reports the reason, counts no failed attempts, and is stopped [worker.machine-faults]', async () => {
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
