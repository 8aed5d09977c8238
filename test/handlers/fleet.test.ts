import { expect, test } from 'vitest';
import { begin } from '../../core/batch-run/run.ts';
import { HOUR_MS } from '../../core/time.ts';
import { buildHandler as buildControl } from '../../lambdas/fleet-control/handler.ts';
import { buildHandler as buildIngest } from '../../lambdas/ingest/handler.ts';
import { buildHandler as buildReaper } from '../../lambdas/reaper/handler.ts';
import { context } from '../support/containment.ts';
import { fleetWorld, INSTANCE } from '../support/fleet-world.ts';
import { jobWorld } from '../support/job-world.ts';
import { memoryBatchStore, memoryLockStore } from '../support/memory-batch.ts';
import { memoryChunkStore, memoryLedger, memoryObjects, memoryQueue, memorySessionStore } from '../support/memory-stores.ts';
import { chunkRow } from '../support/rows.ts';

function world() {
  const w = fleetWorld();
  const [chunks, queue] = [memoryChunkStore(), memoryQueue()];
  const overdue: string[] = [];
  const batch = memoryBatchStore();
  const ledger = memoryLedger();
  const run = buildControl({ ...w.deps, runsOf: () => w.deps.runs, poll: (done) => done() });
  const control = (event: object) => run({ stateMachineArn: 'arn', ...event });
  const publish = async (values: object): Promise<void> => void overdue.push(...Object.keys(values));
  const handler = buildReaper({ ...w.deps, batch, chunks, queue, ledger, usdPerHour: 1, publish });
  const reaper = (event?: unknown) => handler(event, context);
  return { ...w, batch, chunks, queue, ledger, overdue, control, reaper };
}

test('the steps of a run: plan with a machine, leave with a stop, confirm that it has stopped', async () => {
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

test('a plan while a machine is stopping fails with the error name that the workflow retries', async () => {
  const w = world();
  await w.control({ step: 'plan', runId: 'run-1' });
  w.machine('running');
  await w.control({ step: 'leave', runId: 'run-1', instanceId: INSTANCE, seenSeq: 0 });
  await expect(w.control({ step: 'plan', runId: 'run-2' })).rejects.toMatchObject({ name: 'InstanceDraining' });
});

test('a failed run leaves as failed', async () => {
  const w = world();
  await w.control({ step: 'plan', runId: 'run-1' });
  expect(await w.control({ step: 'leave', runId: 'run-1', instanceId: INSTANCE, error: 'States.HeartbeatTimeout' })).toEqual({
    next: 'stop',
    failed: true,
  });
  expect(await w.store.readPool()).toMatchObject({ last_error: 'States.HeartbeatTimeout', failed_runs: 1 });
});

test('the reaper reports that no batch run has succeeded for six hours [operation.overdue-batch]', async () => {
  const w = world();
  await begin({ batch: w.batch, nowMs: w.deps.nowMs }, { trigger: 'schedule', dryRun: false });
  w.pass(6 * HOUR_MS);
  await w.reaper();
  expect(w.overdue).toEqual([]);
  w.pass(1);
  await w.reaper();
  expect(w.overdue).toEqual(['BatchOverdue']);
});

test('the reaper sends a message and starts a run for unserved work [gpu.reaper]', async () => {
  const w = world();
  w.chunks.put(chunkRow(1, { queued_at_ms: 0 }));
  await w.reaper();
  expect(w.queue.sent).toEqual([`live ${chunkRow(1).session_id} 1`]);
  expect(w.started).toEqual(['run-1']);
});

test('the reaper starts a new run for the work of a dead run in the same pass', async () => {
  const w = world();
  await w.control({ step: 'plan', runId: 'run-1' });
  w.chunks.put(chunkRow(1, { queued_at_ms: w.deps.nowMs() - 1 }));
  await w.reaper();
  expect(w.started).toEqual(['run-2']);
});

test('after the event of a failed run, the reaper starts the next run for its work at once', async () => {
  const w = world();
  w.chunks.put(chunkRow(1, { queued_at_ms: w.deps.nowMs() - 1 }));
  await w.reaper();
  expect(w.started).toEqual([]);
  await w.reaper({ 'detail-type': 'Step Functions Execution Status Change' });
  expect(w.started).toEqual(['run-1']);
});

test('the reaper sends no messages while failed runs delay the next start', async () => {
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

test('an event that cannot be parsed fails, so that it reaches the dead-letter queue; other objects are ignored', async () => {
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

test('unserved work is requeued even if a machine or costs cannot be read, and the pass fails at the end [pressure.contained]', async () => {
  for (const broken of ['machines', 'ledger'] as const) {
    const w = world();
    w.machine('running');
    await w.control({ step: 'plan', runId: 'run-1' });
    if (broken === 'machines') w.deps.machines.describe = async () => Promise.reject(new Error('planted'));
    else w.ledger.intervalsOf = async () => Promise.reject(new Error('planted'));
    w.chunks.put(chunkRow(1, { queued_at_ms: w.deps.nowMs() - 3_600_000 }));
    await expect(w.reaper()).rejects.toThrow('some steps of the reaper failed');
    expect(w.queue.sent, broken).toHaveLength(1);
    expect(w.overdue).toContain('ItemsFailed');
  }
});
