import { expect, test } from 'vitest';
import { ADOPTION_SECONDS, HOLDER_SECONDS, STOP_SETTLED_SECONDS } from '../../core/fleet/fleet.ts';
import { startForPerson, stopForPerson } from '../../core/fleet/people.ts';
import { CAPACITY_RETRY_SECONDS, waitsFor } from '../../core/fleet/pool.ts';
import { reapInstance, reapPool } from '../../core/fleet/reaping.ts';
import { confirm, leaveRun, nextMachine, plan, startMachine, wake } from '../../core/fleet/run-steps.ts';
import { fleetWorld, INSTANCE as ID } from '../support/fleet-world.ts';

const MINUTE = 60_000;
const OTHER = 'i-2';

/** The world with the calls of the service on it. */
function world(instanceIds: readonly string[] = [ID]) {
  const parts = fleetWorld(instanceIds);
  const { deps } = parts;
  return {
    ...parts,
    wake: () => wake(deps),
    plan: (runId: string) => plan(deps, deps, runId),
    start: (runId: string, id = ID) => startMachine(deps, runId, id),
    next: (runId: string, id = ID) => nextMachine(deps, runId, id),
    leave: (runId: string, seen?: number, id = ID) => leaveRun(deps, runId, id, seen),
    confirm: (runId = 'run-1', id = ID) => confirm(deps, runId, id),
    reap: async (id = ID) => {
      const { kind } = await reapInstance(deps, id);
      await reapPool(deps);
      return kind;
    },
    settle: () => parts.pass(STOP_SETTLED_SECONDS * 1000),
    waits: async () => waitsFor(await parts.store.readPool(), deps.nowMs()),
  };
}

test('all who want a run at once want the same one', async () => {
  const w = world();
  await Promise.all([w.wake(), w.wake(), w.wake()]);
  expect(w.started).toEqual(['run-1']);
});

test('a run joins, is done, stops the machine, and the next wish starts a new run', async () => {
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

test('a run that has not seen the newest wish looks again instead of leaving', async () => {
  const w = world();
  await w.wake();
  await w.plan('run-1');
  await w.wake();
  expect(await w.leave('run-1', 1)).toBe('wanted-again');
  expect(await w.leave('run-1', 2)).toBe('stop');
  expect(w.started).toEqual(['run-1']);
});

test('nobody joins while a stop is under way', async () => {
  const w = world();
  await w.wake();
  await w.plan('run-1');
  await w.start('run-1');
  await w.leave('run-1', 1);
  expect(await w.plan('run-2')).toEqual({ kind: 'draining' });
});

test('a stop that a run has decided keeps everybody out until that run is over, even when the machine is down already', async () => {
  const w = world();
  await w.wake();
  await w.plan('run-1');
  await w.leave('run-1');
  await w.wake();
  expect(w.started).toEqual(['run-1', 'run-2']);
  expect(await w.plan('run-2')).toEqual({ kind: 'draining' });
  expect(await w.plan('run-1')).not.toMatchObject({ instanceIds: [ID] });
  w.alive.delete('run-1');
  expect(await w.plan('run-2')).toEqual({ kind: 'draining' }); // confirms, and joins at the next look
  expect(await w.plan('run-2')).toEqual({ kind: 'planned', instanceIds: [ID] });
});

test('a run that has ended does not join again, whatever call of it comes late', async () => {
  const w = world();
  await w.wake();
  await w.plan('run-1');
  await w.leave('run-1', 1);
  await w.confirm();
  expect(await w.plan('run-1')).toEqual({ kind: 'planned', instanceIds: [] });
});

test('a second run finds the first serving and takes no machine', async () => {
  const w = world([ID, OTHER]);
  await w.wake();
  await w.plan('run-1');
  expect(await w.plan('by-hand')).toEqual({ kind: 'planned', instanceIds: [] });
});

test('a run takes as many machines as the work needs, and serves until the last of them has left', async () => {
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

test('a machine that runs already is taken before one that must be started, and costs no new start when the budget is spent', async () => {
  const w = world([ID, OTHER]);
  w.machine('running', OTHER);
  w.limits.isSpent = true;
  expect(await w.plan('run-1')).toEqual({ kind: 'planned', instanceIds: [OTHER] });
});

test('with the budget of the day spent nothing is started until the next day', async () => {
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

test('without capacity the next machine of the pool takes the place, and without any the work waits for the next slot', async () => {
  const w = world([ID, OTHER]);
  w.full.add(ID).add(OTHER);
  await w.wake();
  await w.plan('run-1');
  expect(await w.start('run-1')).toEqual({ kind: 'no-capacity' });
  expect(await w.next('run-1')).toBe(OTHER);
  expect(await w.next('run-1')).toBeUndefined(); // asked again for the machine that it has left
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

test('a run that lost its machine meanwhile does not start it', async () => {
  const w = world();
  await w.plan('run-1');
  await stopForPerson(w.deps, 'admin', true);
  w.pass(HOLDER_SECONDS * 1000 + 1);
  await w.reap();
  expect(await w.start('run-1')).toEqual({ kind: 'not-held' });
});

test('a machine that ran before the run came is left running, then adopted, then stopped', async () => {
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

test('the first run on an adopted machine takes it over and stops it when it leaves', async () => {
  const w = world();
  w.machine('running');
  expect(await w.reap()).toBe('adopt');
  await w.plan('run-1');
  expect(await w.leave('run-1', 0)).toBe('stop');
});

test('a run that died is forgotten by one pass of the reaper, and its machine is stopped', async () => {
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

test('a run that was aborted on purpose is no failure: nobody waits because of it', async () => {
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

test('a machine that EC2 took away is no failure of the run', async () => {
  const w = world();
  await w.wake();
  await w.plan('run-1');
  expect(await leaveRun(w.deps, 'run-1', ID, undefined, 'MachineTaken')).toBe('stop');
  expect(await w.store.readPool()).toMatchObject({ epoch: 1, failed_runs: 0, last_error: 'MachineTaken' });
});

test('a decided stop that never reached EC2 is made by the reaper, and settles before anybody may join', async () => {
  const w = world();
  await w.wake();
  await w.plan('run-1');
  await w.start('run-1');
  await w.leave('run-1', 1);
  expect(await w.reap()).toBe('nothing'); // the run will stop it itself
  w.pass(MINUTE + 1);
  expect(await w.reap()).toBe('stop');
  expect(w.machine()).toBe('stopped');
  w.alive.delete('run-1');
  expect(await w.reap()).toBe('nothing');
  w.settle();
  expect(await w.reap()).toBe('stopped');
  expect(await w.store.readInstance(ID)).toMatchObject({ state: 'idle', holders: {} });
});

test('a run that died while its machine was starting: the stop is made once EC2 takes it', async () => {
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

test('a holder that says nothing more is dead after its deadline, whatever its execution says', async () => {
  const w = world();
  await w.wake();
  await w.plan('run-1');
  await w.start('run-1');
  w.pass(HOLDER_SECONDS * 1000 + 1);
  expect(await w.reap()).toBe('stop');
});

test('a person holds a machine until their deadline, and a run that leaves meanwhile does not stop it', async () => {
  const w = world();
  const until = w.deps.nowMs() + 10 * MINUTE;
  expect(await startForPerson(w.deps, 'ada', until)).toEqual({ kind: 'held', instanceId: ID, machine: 'pending' });
  await w.plan('run-1');
  expect(await w.leave('run-1', 0)).toBe('keep');
  expect(await w.reap()).toBe('nothing');
  w.pass(10 * MINUTE + 1);
  expect(await w.reap()).toBe('stop');
});

test('a person lets go of what they hold and of nothing else; by force the machine stops under whoever is there', async () => {
  const w = world();
  await startForPerson(w.deps, 'ada', w.deps.nowMs() + 10 * MINUTE);
  await w.wake();
  await w.plan('run-1');
  expect(await stopForPerson(w.deps, 'bob', false)).toEqual({ stopped: [], kept: [ID] });
  expect(await stopForPerson(w.deps, 'ada', false)).toEqual({ stopped: [], kept: [ID] });
  expect(w.machine()).toBe('running');
  expect(await stopForPerson(w.deps, 'bob', true)).toEqual({ stopped: [ID], kept: [] });
  expect(w.machine()).toBe('stopped');
  expect(await w.store.readPool()).toMatchObject({ epoch: 1, failed_runs: 0 });
  expect(await w.leave('run-1')).toBe('keep'); // its stop is not this run's to make
});

test('a person for whom EC2 has no capacity holds nothing, and gets another machine where there is one', async () => {
  const w = world([ID, OTHER]);
  w.full.add(ID);
  expect(await startForPerson(w.deps, 'ada', 9e12)).toMatchObject({ kind: 'held', instanceId: OTHER });
  expect((await w.store.readInstance(ID)).holders).toEqual({});
  w.full.add(OTHER);
  w.machine('stopped', OTHER);
  expect(await startForPerson(w.deps, 'bob', 9e12)).toEqual({ kind: 'no-capacity' });
});

test('work that waits for capacity is served as soon as a person has got a machine', async () => {
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
  await startForPerson(w.deps, 'ada', w.deps.nowMs() + 10 * MINUTE);
  await w.wake();
  expect(w.started).toEqual(['run-1', 'run-2']);
  expect(await w.plan('run-2')).toEqual({ kind: 'planned', instanceIds: [ID] });
});

test('runs that fail wait longer and longer, so that a broken worker does not boot the machine for ever', async () => {
  const w = world();
  const fail = async (): Promise<void> => {
    await w.wake();
    const runId = `run-${(await w.store.readPool()).epoch + 1}`;
    await w.plan(runId);
    await w.leave(runId);
    await w.confirm(runId);
  };
  const starts = (): number => w.started.length;
  await fail(); // the first one is forgiven
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

test('a run that died before it joined does not block those after it', async () => {
  const w = world();
  await w.wake();
  w.alive.delete('run-1');
  await w.wake();
  w.pass(MINUTE);
  await w.wake();
  expect(w.started).toEqual(['run-1', 'run-2']);
});

test('a row that says running and names no holder is no reason for a machine to run', async () => {
  const w = world();
  w.machine('running');
  const from = await w.store.readInstance(ID);
  await w.store.commit({ instances: [{ from, to: { ...from, version: 1, state: 'running', started_by_us: true } }] });
  expect(await w.reap()).toBe('stop');
});

/** Every order in which the steps of two sequences can follow each other. */
function* merges<T>(a: readonly T[], b: readonly T[]): Generator<T[]> {
  if (a.length === 0 || b.length === 0) return void (yield [...a, ...b]);
  for (const rest of merges(a.slice(1), b)) yield [...a.slice(0, 1), ...rest];
  for (const rest of merges(a, b.slice(1))) yield [...b.slice(0, 1), ...rest];
}

test('two runs that join and leave in every order, with a pass of the reaper anywhere: nobody is stopped under, all stops', async () => {
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
