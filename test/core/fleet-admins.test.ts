/** Machines that admins hold. */
import { expect, test } from 'vitest';
import { startForAdmin, stopForAdmin } from '../../core/fleet/admins.ts';
import { INSTANCE as ID, runsWorld as world } from '../support/fleet-world.ts';

const MINUTE = 60_000;
const OTHER = 'i-2';

test('an admin holds a machine until the deadline, and a run that leaves before does not stop it [gpu.by-hand]', async () => {
  const w = world();
  const until = w.deps.nowMs() + 10 * MINUTE;
  expect(await startForAdmin(w.deps, 'ada', until)).toEqual({ kind: 'held', instanceId: ID, machine: 'pending' });
  await w.plan('run-1');
  expect(await w.leave('run-1', 0)).toBe('keep');
  expect(await w.reap()).toBe('nothing');
  w.pass(10 * MINUTE + 1);
  expect(await w.reap()).toBe('stop');
});

test('an admin releases only their own hold; a forced stop also ends the holds of others', async () => {
  const w = world();
  await startForAdmin(w.deps, 'ada', w.deps.nowMs() + 10 * MINUTE);
  await w.wake();
  await w.plan('run-1');
  expect(await stopForAdmin(w.deps, 'bob', false)).toEqual({ stopped: [], kept: [ID] });
  expect(await stopForAdmin(w.deps, 'ada', false)).toEqual({ stopped: [], kept: [ID] });
  expect(w.machine()).toBe('running');
  expect(await stopForAdmin(w.deps, 'bob', true)).toEqual({ stopped: [ID], kept: [] });
  expect(w.machine()).toBe('stopped');
  expect(await w.store.readPool()).toMatchObject({ epoch: 1, failed_runs: 0 });
  expect(await w.leave('run-1')).toBe('keep'); // the stop is not this run's
});

test('an admin for whom EC2 has no capacity holds nothing, and gets another machine if one is available', async () => {
  const w = world([ID, OTHER]);
  w.full.add(ID);
  expect(await startForAdmin(w.deps, 'ada', 9e12)).toMatchObject({ kind: 'held', instanceId: OTHER });
  expect((await w.store.readInstance(ID)).holders).toEqual({});
  w.full.add(OTHER);
  w.machine('stopped', OTHER);
  expect(await startForAdmin(w.deps, 'bob', 9e12)).toEqual({ kind: 'no-capacity' });
});

test('work that waits for capacity is served as soon as an admin has got a machine', async () => {
  const w = world();
  w.full.add(ID);
  await w.wake();
  await w.plan('run-1');
  await w.start('run-1');
  await w.next('run-1');
  w.alive.delete('run-1');
  w.settle();
  await w.reap();
  w.full.clear();
  await startForAdmin(w.deps, 'ada', w.deps.nowMs() + 10 * MINUTE);
  await w.wake();
  expect(w.started).toEqual(['run-1', 'run-2']);
  expect(await w.plan('run-2')).toEqual({ kind: 'planned', instanceIds: [ID] });
});
