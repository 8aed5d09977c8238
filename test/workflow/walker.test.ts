import { expect, test } from 'vitest';
import { synthesized } from '../../bin/synthesized.ts';
import { emptyInstance, emptyPool } from '../../core/fleet/rows.ts';
import { type Machine, machinesOf } from '../support/asl.ts';
import { type Ending, IDS, reaped, type World, walk } from '../support/walker.ts';

const { perInstance } = machinesOf(synthesized().template);
const stopped: World = {
  pool: { ...emptyPool(), wanted_seq: 1 },
  instances: IDS.map(emptyInstance),
  machines: { 'i-1': 'stopped', 'i-2': 'stopped' },
  full: [],
};
/** An admin holds the first machine, which a run has started. The hold outlasts the run. */
const shared: World = {
  ...stopped,
  machines: { 'i-1': 'running', 'i-2': 'stopped' },
  instances: [
    { ...emptyInstance('i-1'), state: 'running', holders: { 'person:ada': 9e15 }, started_by_us: true },
    emptyInstance('i-2'),
  ],
};
const worlds: readonly [string, World][] = [
  ['with capacity', stopped],
  ['without capacity for the first machine', { ...stopped, full: ['i-1'] }],
  ['without any capacity', { ...stopped, full: [...IDS] }],
];

const isUp = ({ machines }: World): boolean => Object.values(machines).includes('running');
const leftRunning = (endings: readonly Ending[]): Ending[] => endings.filter(({ world }) => isUp(world));
const classes = (endings: readonly Ending[]): string[] => [...new Set(endings.map(({ how }) => how))].sort();

/** Endings that no Catch can handle, and those after a failed stop. The reaper stops their machines (docs/how-the-gpu-stops.md). */
const OUT_OF_BAND = ['States.DataLimitExceeded', 'States.Runtime', 'aborted', 'ended'];

test.each(worlds)('%s: only endings that are documented as left to the reaper leave a machine running', async (_name, world) => {
  const endings = await walk(perInstance, world);
  expect(endings.length).toBeGreaterThan(50);
  for (const how of classes(leftRunning(endings))) expect(OUT_OF_BAND).toContain(how);
  const ended = leftRunning(endings).filter(({ how }) => how === 'ended');
  expect(ended.filter(({ path }) => !path.includes('LeftToReaper'))).toEqual([]);
});

test.each(worlds)(
  '%s: after one pass of the reaper no machine runs, however the run ended [gpu.aborted]',
  async (_name, world) => {
    for (const ending of await walk(perInstance, world)) {
      const where = `${ending.how}: ${ending.path.join(' > ')}`;
      expect(isUp(await reaped(ending.world)), where).toBe(false);
    }
  },
);

test('without capacity for the first machine the second is started, and without any capacity the run ends without an error [gpu.pool]', async () => {
  const [, [, first], [, none]] = worlds as [(typeof worlds)[0], (typeof worlds)[0], (typeof worlds)[0]];
  const paths = (await walk(perInstance, first)).map(({ path }) => path.join(' '));
  expect(paths).toContainEqual(expect.stringMatching(/^Start !NoCapacity NextMachine IsThereAnother TakeNext Start AwaitReady/));
  const ends = (await walk(perInstance, none)).filter(({ how, path }) => how === 'ended' && path.at(-1) === 'Deferred');
  expect(ends.some(({ world }) => world.pool.waits_for === 'capacity' && world.pool.failed_runs === 0)).toBe(true);
});

test('a machine that an admin holds is never stopped, by the run or by the reaper [gpu.aborted]', async () => {
  for (const ending of await walk(perInstance, shared)) {
    const where = `${ending.how}: ${ending.path.join(' > ')}`;
    expect(ending.world.stoppedUnder, where).toBeUndefined();
    const after = await reaped(ending.world);
    expect(after.stoppedUnder, where).toBeUndefined();
    expect(after.machines['i-1'], where).toBe('running');
  }
});

test('removing a Catch leaves a machine running with an undocumented ending', async () => {
  const holding = ['Start', 'AwaitReady', 'Drain', 'Leave', 'LeaveFailed', 'Stop'];
  for (const name of holding) {
    const state = perInstance.States[name];
    if (state === undefined) throw new Error(`no state ${name}`);
    const broken: Machine = { ...perInstance, States: { ...perInstance.States, [name]: { ...state, Catch: [] } } };
    expect(classes(leftRunning(await walk(broken, stopped))), name).not.toEqual(OUT_OF_BAND);
  }
});
