import { expect, test } from 'vitest';
import { buildHandler as buildControl } from '../../lambdas/fleet-control/handler.ts';
import { buildHandler as buildIngest } from '../../lambdas/ingest/handler.ts';
import { buildHandler as buildReaper } from '../../lambdas/reaper/handler.ts';
import { fleetWorld, INSTANCE } from '../support/fleet-world.ts';
import { jobWorld } from '../support/job-world.ts';
import {
  memoryChunkStore,
  memoryLedger,
  memoryLockStore,
  memoryObjects,
  memoryQueue,
  memorySessionStore,
} from '../support/memory-stores.ts';
import { chunkRow } from '../support/rows.ts';

function world() {
  const w = fleetWorld();
  const [chunks, queue] = [memoryChunkStore(), memoryQueue()];
  const overdue: string[] = [];
  const ledger = memoryLedger();
  const run = buildControl({ ...w.deps, runsOf: () => w.deps.runs, poll: (done) => done() });
  const control = (event: object) => run({ stateMachineArn: 'arn', ...event });
  const publish = async (values: object): Promise<void> => void overdue.push(...Object.keys(values));
  const reaper = buildReaper({ ...w.deps, chunks, queue, ledger, usdPerHour: 1, publish });
  return { ...w, chunks, queue, ledger, overdue, control, reaper };
}

test('the steps of a run: planned with the machine, left with a stop, confirmed stopped', async () => {
  const w = world();
  expect(await w.control({ step: 'plan', runId: 'run-1' })).toEqual({ instances: [{ instanceId: INSTANCE }] });
  w.machine('running');
  expect(await w.control({ step: 'leave', runId: 'run-1', instanceId: INSTANCE, seenSeq: 0 })).toEqual({
    next: 'stop',
    failed: false,
  });
  await expect(w.control({ step: 'confirm-stopped', runId: 'run-1', instanceId: INSTANCE })).rejects.toMatchObject({
    name: 'NotYetStopped',
  });
  w.machine('stopped');
  expect(await w.control({ step: 'confirm-stopped', runId: 'run-1', instanceId: INSTANCE })).toEqual({ stopped: true });
});

test('a plan while a stop is under way fails by the name that the workflow waits for', async () => {
  const w = world();
  await w.control({ step: 'plan', runId: 'run-1' });
  w.machine('running');
  await w.control({ step: 'leave', runId: 'run-1', instanceId: INSTANCE, seenSeq: 0 });
  await expect(w.control({ step: 'plan', runId: 'run-2' })).rejects.toMatchObject({ name: 'InstanceDraining' });
});

test('a run that failed leaves as failed', async () => {
  const w = world();
  await w.control({ step: 'plan', runId: 'run-1' });
  expect(await w.control({ step: 'leave', runId: 'run-1', instanceId: INSTANCE, error: 'States.HeartbeatTimeout' })).toEqual({
    next: 'stop',
    failed: true,
  });
  expect(await w.store.readPool()).toMatchObject({ last_error: 'States.HeartbeatTimeout', failed_runs: 1 });
});

test('the reaper gives work that nobody serves a message and a run', async () => {
  const w = world();
  w.chunks.put(chunkRow(1, { queued_at_ms: 0 }));
  await w.reaper();
  expect(w.queue.sent).toEqual([`live ${chunkRow(1).session_id} 1`]);
  expect(w.started).toEqual(['run-1']);
});

test('what a dead run has left gets a new run in the pass that finds it dead', async () => {
  const w = world();
  await w.control({ step: 'plan', runId: 'run-1' });
  w.chunks.put(chunkRow(1, { queued_at_ms: w.deps.nowMs() - 1 }));
  await w.reaper();
  expect(w.started).toEqual(['run-2']);
});

test('told of a run that ended badly, the reaper starts the next one at once for what was left', async () => {
  const w = world();
  w.chunks.put(chunkRow(1, { queued_at_ms: w.deps.nowMs() - 1 }));
  await w.reaper();
  expect(w.started).toEqual([]);
  await w.reaper({ 'detail-type': 'Step Functions Execution Status Change' });
  expect(w.started).toEqual(['run-1']);
});

test('the reaper piles up no messages while failed runs make everybody wait', async () => {
  const w = world();
  for (const runId of ['run-1', 'run-2']) {
    await w.control({ step: 'plan', runId });
    await w.control({ step: 'leave', runId, instanceId: INSTANCE, error: 'x' });
    await w.control({ step: 'confirm-stopped', runId, instanceId: INSTANCE });
  }
  w.chunks.put(chunkRow(1, { queued_at_ms: 0 }));
  await w.reaper();
  expect(w.queue.sent).toEqual([]);
  w.pass(60_000);
  await w.reaper();
  expect(w.queue.sent).toHaveLength(1);
});

test('an event that is not understood fails, so that it is kept; one for another object is nobody’s', async () => {
  const [sessions, chunks, objects, queue] = [memorySessionStore(), memoryChunkStore(), memoryObjects(), memoryQueue()];
  const locks = memoryLockStore();
  const handler = buildIngest(
    { sessions, chunks, objects, queue, locks, wake: async () => undefined, nowMs: () => 0 },
    jobWorld(),
  );
  await expect(handler({ detail: 'nonsense' })).rejects.toThrow();
  const event = (key: string) => ({ 'detail-type': 'Object Created', detail: { bucket: { name: 'b' }, object: { key } } });
  await handler(event('users/a/sessions/session_1/transcription.json'));
  await handler(event('users/a/sessions/session_1/chunk-001.webm'));
  expect(await chunks.listOf('session_1')).toEqual([]);
});
