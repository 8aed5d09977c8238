/** Each of the four mechanisms that stop machines, with the other three disabled; and aborts in every state of a run. */
import { SendTaskFailureCommand, SFNClient } from '@aws-sdk/client-sfn';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { afterEach, expect, test } from 'vitest';
import { poll } from '../../host/poll.ts';
import {
  abort,
  clearFaults,
  injectFaults,
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
/** The worker never powers off its machine by itself. */
const NEVER = { UNHELD_SECONDS: '99999' };
/** Guaranteed limit: a machine without work stops within three minutes, even after a failure. */
const STOPPED_SECONDS = 180;
const stopped = () => poll('the stopped machines', STOPPED_SECONDS, allStopped, 500);

/** Sessions that a test left unfinished; later runs must finish them. */
const unfinished: { readonly id: string; readonly count: number }[] = [];
async function work(): Promise<void> {
  unfinished.push(await sessionInTheMiddle());
}

afterEach(async () => {
  clearFaults();
  await reap(); // as the schedule does every minute
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

test('only Catch: a failing step stops the machine [gpu.four-stoppers]', async () => {
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

/** Aborts a run while these rules and the worker cannot stop its machine, and waits until the machine is stopped. */
const stopsAfterAbort = (rules: Parameters<typeof withoutRules>[0]) =>
  withWorkerSettings(NEVER, () =>
    withoutRules(rules, async () => {
      await work();
      await abort(await theRun());
      await stopped();
    }),
  );

test('only the RunEnded rule: an aborted run leaves no machine running [gpu.four-stoppers]', async () => {
  await stopsAfterAbort(['EveryMinute', 'MachineChanged']);
});

test('only the reaper’s schedule: without an event of the aborted run, it finds the machine without a holder [gpu.four-stoppers]', async () => {
  await stopsAfterAbort(['RunEnded', 'MachineChanged']);
});

test('only the worker: without a task token and without a holder it powers off its machine [gpu.four-stoppers]', async () => {
  await withWorkerSettings({ UNHELD_SECONDS: '5' }, () =>
    withoutRules(ALL_RULES, async () => {
      await work();
      await abort(await theRun());
      await stopped();
    }),
  );
});

test('a hanging worker is detected by its missing heartbeat, and the next one does its work [gpu.four-stoppers]', async () => {
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

test('a machine whose worker never becomes ready is stopped at the deadline [gpu.four-stoppers]', async () => {
  const [chunk] = sampleChunks();
  if (chunk === undefined) throw new Error('the sample is too short');
  injectFaults({ boot_seconds: 9999 });
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
  'a run that is aborted at %s leaves no machine running [gpu.four-stoppers]',
  async (state) => {
    const [chunk] = sampleChunks();
    if (chunk === undefined) throw new Error('the sample is too short');
    injectFaults({ pending_seconds: 2, boot_seconds: 2, stopping_seconds: 2 });
    const { id } = await userA.createSession();
    await userA.upload(id, 1, chunk);
    const execution = await theRun();
    await poll(state, 60, async () => (await statesOf(execution)).includes(state), 50);
    await abort(execution);
    await stopped();
    clearFaults();
    await userA.complete(id, 1);
    expect((await userA.awaitTranscript(id, 170)).status).toBe('completed');
  },
);
