import { expect, test } from 'vitest';
import { stopForAdmin } from '../../core/fleet/admins.ts';
import { ADOPTION_SECONDS, HOLDER_SECONDS } from '../../core/fleet/fleet.ts';
import { CAPACITY_RETRY_SECONDS } from '../../core/fleet/pool.ts';
import { leaveRun } from '../../core/fleet/run-steps.ts';
import { INSTANCE as ID, runsWorld as world } from '../support/fleet-world.ts';

const MINUTE = 60_000;
const OTHER = 'i-2';

/** A world in which a run has decided to stop its machine, and EC2 has not been called yet. */
async function worldAfterStop() {
  const w = world();
  await w.wake();
  await w.plan('run-1');
  await w.start('run-1');
  await w.leave('run-1', 1);
  return w;
}

test('concurrent requests start a single run', async () => {
  const w = world();
  await Promise.all([w.wake(), w.wake(), w.wake()]);
  expect(w.started).toEqual(['run-1']);
});

test('a run joins, drains and stops the machine, and the next request starts a new run [gpu.started-and-stopped]', async () => {
  const w = world();
  await w.wake();
  expect(await w.plan('run-1')).toEqual({ kind: 'planned', instanceIds: [ID] });
  expect(await w.start('run-1')).toEqual({ kind: 'started', isFirstBoot: true });
  expect(await w.leave('run-1', 1)).toBe('stop');
  w.machine('stopped');
  expect(await w.confirm()).toBe(true);
  w.alive.delete('run-1');
  await w.wake();
  expect(w.started).toEqual(['run-1', 'run-2']);
  await w.plan('run-2');
  expect(await w.start('run-2')).toEqual({ kind: 'started', isFirstBoot: false });
});

test('a run that has not seen the newest request looks for work again instead of leaving [gpu.no-lost-wish]', async () => {
  const w = world();
  await w.wake();
  await w.plan('run-1');
  await w.wake();
  expect(await w.leave('run-1', 1)).toBe('wanted-again');
  expect(await w.leave('run-1', 2)).toBe('stop');
  expect(w.started).toEqual(['run-1']);
});

test('no run joins while a stop is in progress [gpu.never-under-somebody]', async () => {
  const w = await worldAfterStop();
  expect(await w.plan('run-2')).toEqual({ kind: 'draining' });
});

test('a stop that a run has decided blocks other runs until that run has ended, even if the machine is already down [gpu.never-under-somebody]', async () => {
  const w = world();
  await w.wake();
  await w.plan('run-1');
  await w.leave('run-1');
  await w.wake();
  expect(w.started).toEqual(['run-1', 'run-2']);
  expect(await w.plan('run-2')).toEqual({ kind: 'draining' });
  expect(await w.plan('run-1')).not.toMatchObject({ instanceIds: [ID] });
  w.alive.delete('run-1');
  expect(await w.plan('run-2')).toEqual({ kind: 'draining' }); // confirms the stop; the next call joins
  expect(await w.plan('run-2')).toEqual({ kind: 'planned', instanceIds: [ID] });
});

test('a run that has ended does not join again, whichever of its calls is late', async () => {
  const w = world();
  await w.wake();
  await w.plan('run-1');
  await w.leave('run-1', 1);
  await w.confirm();
  expect(await w.plan('run-1')).toEqual({ kind: 'planned', instanceIds: [] });
});

test('a second run takes no machine while the first one is serving', async () => {
  const w = world([ID, OTHER]);
  await w.wake();
  await w.plan('run-1');
  expect(await w.plan('by-hand')).toEqual({ kind: 'planned', instanceIds: [] });
});

test('a run takes as many machines as the work needs, and serves until the last one has left [gpu.pool]', async () => {
  const w = world([ID, OTHER, 'i-3']);
  w.limits.machines = 2;
  await w.wake();
  expect(await w.plan('run-1')).toEqual({ kind: 'planned', instanceIds: [ID, OTHER] });
  expect(await w.plan('run-1')).toEqual({ kind: 'planned', instanceIds: [ID, OTHER] });
  await w.wake();
  expect(await w.leave('run-1', 1, ID)).toBe('stop');
  expect((await w.store.readPool()).serving?.machines).toEqual([OTHER]);
  expect(await w.leave('run-1', 1, OTHER)).toBe('wanted-again');
  expect(await w.leave('run-1', 2, OTHER)).toBe('stop');
  expect((await w.store.readPool()).serving).toBeUndefined();
});

test('a running machine is preferred to one that must be started, and may be used when the budget is spent', async () => {
  const w = world([ID, OTHER]);
  w.machine('running', OTHER);
  w.limits.isSpent = true;
  expect(await w.plan('run-1')).toEqual({ kind: 'planned', instanceIds: [OTHER] });
});

test('when the daily budget is spent, nothing is started until the next day [gpu.budget]', async () => {
  const w = world();
  w.limits.isSpent = true;
  await w.wake();
  expect(await w.plan('run-1')).toEqual({ kind: 'no-budget' });
  expect(await w.waits()).toEqual({ reason: 'budget', untilMs: 86_400_000 });
  await w.wake();
  expect(w.started).toEqual(['run-1']);
  w.pass(86_400_000);
  w.limits.isSpent = false;
  await w.wake();
  expect(w.started).toEqual(['run-1', 'run-2']);
});

test('without capacity for a machine the next one of the pool replaces it; without any capacity the work waits', async () => {
  const w = world([ID, OTHER]);
  w.full.add(ID).add(OTHER);
  await w.wake();
  await w.plan('run-1');
  expect(await w.start('run-1')).toEqual({ kind: 'no-capacity' });
  expect(await w.next('run-1')).toBe(OTHER);
  expect(await w.next('run-1')).toBeUndefined(); // a repeated call for the machine that the run has left
  expect((await w.store.readPool()).serving).toMatchObject({ machines: [OTHER], tried: [ID] });
  expect(await w.start('run-1', OTHER)).toEqual({ kind: 'no-capacity' });
  expect(await w.next('run-1', OTHER)).toBeUndefined();
  expect(await w.waits()).toMatchObject({ reason: 'capacity' });
  expect(await w.store.readPool()).toMatchObject({ failed_runs: 0, epoch: 1 });
  await w.wake();
  expect(w.started).toEqual(['run-1']);
  w.full.clear();
  w.pass(CAPACITY_RETRY_SECONDS * 1000);
  await w.wake();
  expect(w.started).toEqual(['run-1', 'run-2']);
  await w.plan('run-2'); // confirms that the refused machines are down
  expect(await w.plan('run-2')).toMatchObject({ instanceIds: [ID] });
});

test('a run that no longer holds its machine does not start it', async () => {
  const w = world();
  await w.plan('run-1');
  await stopForAdmin(w.deps, 'admin', true);
  w.pass(HOLDER_SECONDS * 1000 + 1);
  await w.reap();
  expect(await w.start('run-1')).toEqual({ kind: 'not-held' });
});

test('a machine that ran before the run joined is left running, then adopted, then stopped', async () => {
  const w = world();
  w.machine('running');
  w.alive.add('run-1');
  await w.plan('run-1');
  expect(await w.leave('run-1', 0)).toBe('keep');
  expect(await w.reap()).toBe('adopt');
  w.pass(ADOPTION_SECONDS * 1000 + 1);
  expect(await w.reap()).toBe('stop');
  expect(w.machine()).toBe('stopped');
});

test('a run that joins an adopted machine takes it over and stops it when it leaves', async () => {
  const w = world();
  w.machine('running');
  expect(await w.reap()).toBe('adopt');
  await w.plan('run-1');
  expect(await w.leave('run-1', 0)).toBe('stop');
});

test('one pass of the reaper removes a run that died and stops its machine [gpu.reaper]', async () => {
  const w = world();
  await w.wake();
  await w.plan('run-1');
  await w.start('run-1');
  expect(await w.reap()).toBe('nothing');
  w.alive.delete('run-1');
  expect(await w.reap()).toBe('stop');
  expect(w.machine()).toBe('stopped');
  expect(await w.store.readPool()).toMatchObject({ epoch: 1, failed_runs: 1 });
});

test('a run that was aborted on purpose is not a failure and delays no other run', async () => {
  const w = world();
  for (const runId of ['run-1', 'run-2', 'run-3']) {
    await w.wake();
    expect(w.started.at(-1)).toBe(runId);
    await w.plan(runId);
    await w.start(runId);
    w.alive.delete(runId);
    w.aborted.add(runId);
    await w.reap();
    w.settle();
    await w.reap();
  }
  expect(await w.store.readPool()).toMatchObject({ epoch: 3, failed_runs: 0, next_start_at_ms: 0 });
});

test('a machine that EC2 reclaims is not a failure of the run', async () => {
  const w = world();
  await w.wake();
  await w.plan('run-1');
  expect(await leaveRun(w.deps, 'run-1', ID, undefined, 'MachineTaken')).toBe('stop');
  expect(await w.store.readPool()).toMatchObject({ epoch: 1, failed_runs: 0, last_error: 'MachineTaken' });
});

test('the reaper sends a decided stop that never reached EC2, and no run joins before it has settled [gpu.reaper]', async () => {
  const w = await worldAfterStop();
  expect(await w.reap()).toBe('nothing'); // the run sends the stop itself
  w.pass(MINUTE + 1);
  expect(await w.reap()).toBe('stop');
  expect(w.machine()).toBe('stopped');
  w.alive.delete('run-1');
  expect(await w.reap()).toBe('nothing');
  w.settle();
  expect(await w.reap()).toBe('stopped');
  expect(await w.store.readInstance(ID)).toMatchObject({ state: 'idle', holders: {} });
});

test('a machine that is still stopping ten minutes after the decision is forced to stop [gpu.reaper]', async () => {
  const w = await worldAfterStop();
  w.machine('stopping');
  w.alive.delete('run-1');
  w.pass(10 * MINUTE);
  expect(await w.reap()).toBe('nothing');
  w.pass(1);
  expect(await w.reap()).toBe('force-stop');
  expect(w.machine()).toBe('stopped');
  w.settle();
  expect(await w.reap()).toBe('stopped');
});

test('the machine of a run that died during its start is stopped once EC2 accepts the stop', async () => {
  const w = world();
  await w.wake();
  await w.plan('run-1');
  w.machine('pending');
  w.alive.delete('run-1');
  expect(await w.reap()).toBe('stop');
  expect(w.machine()).toBe('pending');
  w.machine('running');
  expect(await w.reap()).toBe('stop');
  expect(w.machine()).toBe('stopped');
});

test('a holder expires at its deadline, whatever the state of its execution', async () => {
  const w = world();
  await w.wake();
  await w.plan('run-1');
  await w.start('run-1');
  w.pass(HOLDER_SECONDS * 1000 + 1);
  expect(await w.reap()).toBe('stop');
});

test('after repeated failures runs wait longer and longer, so a broken worker does not start the machine forever', async () => {
  const w = world();
  const fail = async (): Promise<void> => {
    await w.wake();
    const runId = `run-${(await w.store.readPool()).epoch + 1}`;
    await w.plan(runId);
    await w.leave(runId);
    await w.confirm(runId);
  };
  const starts = (): number => w.started.length;
  await fail(); // the first failure causes no wait
  await fail();
  await w.wake();
  expect(starts()).toBe(2);
  expect(await w.waits()).toMatchObject({ reason: 'failures' });
  w.pass(MINUTE);
  await fail();
  expect(starts()).toBe(3);
  w.pass(MINUTE);
  await w.wake();
  expect(starts()).toBe(3);
  w.pass(MINUTE);
  await w.wake();
  expect(starts()).toBe(4);
});

test('a run that died before it joined does not block later runs', async () => {
  const w = world();
  await w.wake();
  w.alive.delete('run-1');
  await w.wake();
  w.pass(MINUTE);
  await w.wake();
  expect(w.started).toEqual(['run-1', 'run-2']);
});

test('a machine whose row is running without a holder is stopped', async () => {
  const w = world();
  w.machine('running');
  const from = await w.store.readInstance(ID);
  await w.store.commit({ instances: [{ from, to: { ...from, version: 1, state: 'running', started_by_us: true } }] });
  expect(await w.reap()).toBe('stop');
});

/** All interleavings of two sequences. */
function* merges<T>(a: readonly T[], b: readonly T[]): Generator<T[]> {
  if (a.length === 0 || b.length === 0) return void (yield [...a, ...b]);
  for (const rest of merges(a.slice(1), b)) yield [...a.slice(0, 1), ...rest];
  for (const rest of merges(a, b.slice(1))) yield [...b.slice(0, 1), ...rest];
}

test('two runs that join and leave in every order, with a reaper pass anywhere: no working run is stopped, all machines stop [gpu.never-under-somebody]', async () => {
  const steps = ['plan', 'start', 'leave', 'stop', 'confirm'] as const;
  const of = (runId: string) => steps.map((step) => ({ runId, step }));
  for (const order of merges(of('run-1'), of('by-hand'))) {
    for (let reapAt = 0; reapAt <= order.length; reapAt += 1) {
      const w = world();
      w.alive.add('run-1').add('by-hand');
      const works = new Set<string>();
      const stops = new Set<string>();
      const act = {
        plan: async (runId: string) => {
          const planned = await w.plan(runId);
          if (planned.kind === 'planned' && planned.instanceIds.length > 0) works.add(runId);
        },
        start: async (runId: string) => void (works.has(runId) && (await w.start(runId))),
        leave: async (runId: string) => {
          if (works.delete(runId) && (await w.leave(runId, 0)) === 'stop') stops.add(runId);
        },
        stop: async (runId: string) => {
          if (stops.has(runId)) {
            expect([...works], JSON.stringify(order)).toEqual([]);
            await w.deps.machines.stop(ID);
          }
        },
        confirm: async (runId: string) => {
          if (stops.delete(runId)) await w.confirm(runId);
          w.alive.delete(runId);
        },
      };
      for (const [i, { runId, step }] of order.entries()) {
        if (i === reapAt) await w.reap();
        await act[step](runId);
      }
      await w.reap();
      w.settle();
      await w.reap();
      expect(w.machine(), JSON.stringify(order)).toBe('stopped');
      expect(await w.store.readInstance(ID)).toMatchObject({ state: 'idle', holders: {} });
    }
  }
});
