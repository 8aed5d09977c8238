/** Each of the four stoppers alone, the other three switched off; and aborts wherever a run can be. */
import { SendTaskFailureCommand, SFNClient } from '@aws-sdk/client-sfn';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { afterEach, expect, test } from 'vitest';
import { poll } from '../../host/poll.ts';
import {
  abort,
  breaks,
  mends,
  type ReaperRule,
  runningExecution,
  statesOf,
  withDefinition,
  withoutRules,
  withWorkerSettings,
} from './faults.ts';
import { checkInvariants } from './invariants.ts';
import { allStopped, atRest, db, output, poolRow, reap, sampleChunks, sessionInTheMiddle, userA, workerPid } from './support.ts';

const ALL_RULES: readonly ReaperRule[] = ['EveryMinute', 'RunEnded', 'MachineChanged'];
/** A worker that never switches its machine off by itself. */
const NEVER = { UNHELD_SECONDS: '99999' };
/** Bound of the promise: a machine without work stops within three minutes, whatever breaks. */
const STOPPED_SECONDS = 180;
const stopped = () => poll('the stopped machines', STOPPED_SECONDS, allStopped, 500);

/** Sessions that a test left in the middle: the next runs must finish them. */
const unfinished: { readonly id: string; readonly count: number }[] = [];
async function work(): Promise<void> {
  unfinished.push(await sessionInTheMiddle());
}

afterEach(async () => {
  mends();
  await reap(); // what the schedule would do within the next minute
  for (const { id, count } of unfinished.splice(0)) {
    await userA.complete(id, count);
    expect((await userA.awaitTranscript(id, 170)).status).toBe('completed');
  }
  await atRest();
  await checkInvariants();
});

async function theRun(): Promise<string> {
  return poll('a run', 60, runningExecution);
}

async function drainToken(): Promise<string> {
  const { serving } = await poolRow();
  const Key = { id: `tokens#${serving?.machines[0]}` };
  const { Item } = await db.send(new GetCommand({ TableName: output('FleetTable'), Key, ConsistentRead: true }));
  return String(Item?.['drain_token']);
}

test('Catch alone: a step that fails leads to the stop', async () => {
  await withWorkerSettings(NEVER, () =>
    withoutRules(ALL_RULES, async () => {
      await work();
      const execution = await theRun();
      await new SFNClient().send(new SendTaskFailureCommand({ taskToken: await drainToken(), error: 'Planted' }));
      await stopped();
      expect(await statesOf(execution)).toContain('LeaveFailed');
    }),
  );
});

test('the rule on the end of an execution alone: an aborted run leaves nothing running', async () => {
  await withWorkerSettings(NEVER, () =>
    withoutRules(['EveryMinute', 'MachineChanged'], async () => {
      await work();
      await abort(await theRun());
      await stopped();
    }),
  );
});

test('the reaper’s minute alone: nobody says that the run was aborted, and it sees that the machine runs for nobody', async () => {
  await withWorkerSettings(NEVER, () =>
    withoutRules(['RunEnded', 'MachineChanged'], async () => {
      await work();
      await abort(await theRun());
      await stopped();
    }),
  );
});

test('the worker alone: a run that is over gives it no token, and nobody else needs the machine', async () => {
  await withWorkerSettings({ UNHELD_SECONDS: '5' }, () =>
    withoutRules(ALL_RULES, async () => {
      await work();
      await abort(await theRun());
      await stopped();
    }),
  );
});

test('a worker that hangs is found because it says nothing, and its work is done by the next one', async () => {
  await withDefinition(
    (definition) => definition.replace('"HeartbeatSeconds":120', '"HeartbeatSeconds":5'),
    () =>
      withWorkerSettings(NEVER, async () => {
        await work();
        process.kill(await workerPid(), 'SIGSTOP');
        await stopped();
      }),
  );
});

test('a machine whose worker never gets ready is given up at the deadline', async () => {
  const [chunk] = sampleChunks();
  if (chunk === undefined) throw new Error('the sample is too short');
  breaks({ boot_seconds: 9999 });
  await withDefinition(
    (definition) => definition.replace('"TimeoutSecondsPath":"$.start.bootSeconds"', '"TimeoutSeconds":4'),
    async () => {
      const { id } = await userA.createSession();
      await userA.upload(id, 1, chunk);
      unfinished.push({ id, count: 1 });
      const execution = await theRun();
      await poll('the end of the run', STOPPED_SECONDS, async () => (await runningExecution()) !== execution);
      await stopped();
      expect(await statesOf(execution)).toEqual(expect.arrayContaining(['AwaitReady', 'LeaveFailed', 'Stop', 'ConfirmStopped']));
    },
  );
});

test.each(['Start', 'AwaitReady', 'Drain', 'Stop', 'ConfirmStopped'])(
  'a run that is aborted at %s leaves nothing running',
  async (state) => {
    const [chunk] = sampleChunks();
    if (chunk === undefined) throw new Error('the sample is too short');
    breaks({ pending_seconds: 2, boot_seconds: 2, stopping_seconds: 2 });
    const { id } = await userA.createSession();
    await userA.upload(id, 1, chunk);
    const execution = await theRun();
    await poll(state, 60, async () => (await statesOf(execution)).includes(state), 50);
    await abort(execution);
    await stopped();
    mends();
    await userA.complete(id, 1);
    expect((await userA.awaitTranscript(id, 170)).status).toBe('completed');
  },
);
