import { expect, test } from 'vitest';
import { emptyInstance, emptyPool } from '../../core/fleet/rows.ts';
import { type Machine, machinesOf } from '../support/asl.ts';
import { synthesized } from '../support/synthesized.ts';
import { type Ending, reaped, type World, walk } from '../support/walker.ts';

const { perInstance } = machinesOf(synthesized().template);
const stopped: World = { pool: { ...emptyPool(), wanted_seq: 1 }, instance: emptyInstance('i-1'), machine: 'stopped' };
/** Somebody else holds the machine, which we started; their hold lives longer than the run. */
const shared: World = {
  ...stopped,
  machine: 'running',
  instance: { ...emptyInstance('i-1'), state: 'running', holders: { person: 9e15 }, started_by_us: true },
};

const leftRunning = (endings: readonly Ending[]): Ending[] => endings.filter(({ world }) => world.machine === 'running');
const classes = (endings: readonly Ending[]): string[] => [...new Set(endings.map(({ how }) => how))].sort();

/** Ends that no Catch can see, or that a failed stop leaves: the reaper's work. Documented in docs/how-the-gpu-stops.md. */
const OUT_OF_BAND = ['States.DataLimitExceeded', 'States.Runtime', 'aborted', 'ended'];

test('a run leaves its machine running only by ends that are documented as the reaper’s', async () => {
  const endings = await walk(perInstance, stopped);
  expect(endings.length).toBeGreaterThan(100);
  expect(classes(leftRunning(endings))).toEqual(OUT_OF_BAND);
  const ended = leftRunning(endings).filter(({ how }) => how === 'ended');
  expect(ended.filter(({ path }) => !path.includes('LeftToReaper'))).toEqual([]);
});

test('after one pass of the reaper no machine runs, however the run ended', async () => {
  for (const ending of await walk(perInstance, stopped)) {
    const after = await reaped(ending.world);
    expect(after.machine, `${ending.how}: ${ending.path.join(' > ')}`).toBe('stopped');
  }
});

test('a machine that somebody else holds is never stopped, by the run or by the reaper', async () => {
  for (const ending of await walk(perInstance, shared)) {
    const where = `${ending.how}: ${ending.path.join(' > ')}`;
    expect(ending.world.stoppedUnder, where).toBeUndefined();
    expect((await reaped(ending.world)).machine, where).toBe('running');
  }
});

test('taking a Catch away leaves a machine running in a way that is not documented', async () => {
  const holding = ['Start', 'AwaitReady', 'Drain', 'Leave', 'LeaveFailed', 'Stop'];
  for (const name of holding) {
    const state = perInstance.States[name];
    if (state === undefined) throw new Error(`no state ${name}`);
    const broken: Machine = { ...perInstance, States: { ...perInstance.States, [name]: { ...state, Catch: [] } } };
    expect(classes(leftRunning(await walk(broken, stopped))), name).not.toEqual(OUT_OF_BAND);
  }
});
