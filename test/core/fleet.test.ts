import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ADOPTION_SECONDS, HOLDER_SECONDS } from '../../core/fleet/fleet.ts';
import { confirm, leaveRun, plan, reapInstance, wake } from '../../core/fleet/fleet-service.ts';
import { fleetWorld, INSTANCE as ID } from '../support/fleet-world.ts';

const MINUTE = 60_000;

/** The world with the calls of the service on it. */
function world() {
  const parts = fleetWorld();
  const { deps } = parts;
  return {
    ...parts,
    wake: () => wake(deps),
    plan: (runId: string) => plan(deps, runId, [ID]),
    leave: (runId: string, seen?: number) => leaveRun(deps, runId, ID, seen),
    confirm: () => confirm(deps, ID),
    reap: () => reapInstance(deps, ID),
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
  w.machine('running');
  expect(await w.leave('run-1', 1)).toBe('stop');
  w.machine('stopped');
  expect(await w.confirm()).toBe(true);
  w.alive.delete('run-1');
  await w.wake();
  expect(w.started).toEqual(['run-1', 'run-2']);
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
  w.machine('running');
  await w.leave('run-1', 1);
  expect(await w.plan('run-2')).toEqual({ kind: 'draining' });
});

test('a second run finds the first serving and takes no machine', async () => {
  const w = world();
  await w.wake();
  await w.plan('run-1');
  expect(await w.plan('by-hand')).toEqual({ kind: 'planned', instanceIds: [] });
});

test('a machine that ran before the run came is left running, then adopted, then stopped', async () => {
  const w = world();
  w.machine('running');
  await w.plan('run-1');
  w.alive.add('run-1');
  expect(await w.leave('run-1', 0)).toBe('keep');
  expect(await w.reap()).toBe('adopt');
  w.pass(ADOPTION_SECONDS * 1000 + 1);
  expect(await w.reap()).toBe('stop');
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
  w.machine('running');
  expect(await w.reap()).toBe('nothing');
  w.alive.delete('run-1');
  expect(await w.reap()).toBe('stop');
  expect(await w.store.readPool()).toMatchObject({ epoch: 1, failed_runs: 1 });
});

test('a run that was aborted on purpose is no failure: nobody waits because of it', async () => {
  const w = world();
  for (const runId of ['run-1', 'run-2', 'run-3']) {
    await w.wake();
    expect(w.started.at(-1)).toBe(runId);
    await w.plan(runId);
    w.machine('running');
    w.alive.delete(runId);
    w.aborted.add(runId);
    await w.reap();
    await w.reap();
  }
  expect(await w.store.readPool()).toMatchObject({ epoch: 3, failed_runs: 0, next_start_at_ms: 0 });
});

test('a decided stop that never reached EC2 is made by the reaper', async () => {
  const w = world();
  await w.wake();
  await w.plan('run-1');
  w.machine('running');
  await w.leave('run-1', 1);
  expect(await w.reap()).toBe('stop');
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
  expect(w.stops).toEqual([]);
  w.machine('running');
  expect(await w.reap()).toBe('stop');
  expect(w.machine()).toBe('stopped');
});

test('a holder that says nothing more is dead after its deadline, whatever its execution says', async () => {
  const w = world();
  await w.wake();
  await w.plan('run-1');
  w.machine('running');
  w.pass(HOLDER_SECONDS * 1000 + 1);
  expect(await w.reap()).toBe('stop');
});

test('runs that fail wait longer and longer, so that a broken worker does not boot the machine for ever', async () => {
  const w = world();
  const fail = async (): Promise<void> => {
    await w.wake();
    const runId = `run-${(await w.store.readPool()).epoch + 1}`;
    await w.plan(runId);
    await w.leave(runId);
    await w.confirm();
  };
  const starts = (): number => w.started.length;
  await fail(); // the first one is forgiven
  await fail();
  await w.wake();
  expect(starts()).toBe(2);
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

type Command = {
  kind: 'wake' | 'plan' | 'drained' | 'fail' | 'confirm' | 'die' | 'reap' | 'stopLands' | 'startLands' | 'minute';
};
const kinds: Command['kind'][] = [
  'wake',
  'plan',
  'drained',
  'fail',
  'confirm',
  'die',
  'reap',
  'stopLands',
  'startLands',
  'minute',
];

test('in every history no stop hits a live holder, and at rest no machine runs and no wish is unseen', async () => {
  const histories = fc.array(fc.constantFrom(...kinds), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(histories, async (history) => {
      const w = world();
      const stopping = new Set<string>();
      let seen = 0;
      const newest = (): string => w.started.at(-1) ?? 'run-1';
      const apply = async (kind: Command['kind']): Promise<void> => {
        const runId = newest();
        const joined = (await w.store.readInstance(ID)).holders[runId] !== undefined;
        if (kind === 'wake') await w.wake();
        if (kind === 'minute') w.pass(MINUTE);
        if (kind === 'plan' && w.alive.has(runId)) await w.plan(runId);
        if (kind === 'startLands' && joined && w.machine() === 'stopped') w.machine('running');
        if (kind === 'drained' && joined && w.alive.has(runId)) {
          seen = (await w.store.readPool()).wanted_seq;
          if ((await w.leave(runId, seen)) === 'stop') stopping.add(runId);
        }
        if (kind === 'fail' && joined && w.alive.has(runId) && (await w.leave(runId)) === 'stop') stopping.add(runId);
        if (kind === 'stopLands') {
          const [by] = stopping;
          if (by !== undefined && w.alive.has(by)) {
            stopping.delete(by);
            await w.deps.machines.stop(ID);
          }
        }
        if (kind === 'confirm' && (await w.confirm())) w.alive.delete([...stopping][0] ?? '');
        if (kind === 'die') w.alive.delete(runId);
        if (kind === 'reap') await w.reap();
      };
      for (const kind of history) await apply(kind);
      expect(w.stops.every(({ holders }) => holders.length === 0)).toBe(true);

      // Everything dies; the reaper alone brings it to rest, and a new wish is served by a new run.
      w.alive.clear();
      for (let i = 0; i < 4; i += 1) {
        w.pass(ADOPTION_SECONDS * 1000 + 1);
        await w.reap();
      }
      expect(w.machine()).toBe('stopped');
      expect(await w.store.readInstance(ID)).toMatchObject({ state: 'idle', holders: {} });
      for (let i = 0; i < 3 && w.alive.size === 0; i += 1) {
        w.pass(3 * 60 * MINUTE);
        await w.wake();
      }
      expect(w.alive.size).toBe(1);
    }),
    { numRuns: 500 },
  );
});
