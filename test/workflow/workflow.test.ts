import { expect, test } from 'vitest';
import { synthesized } from '../../bin/synthesized.ts';
import { catchesAll, escapes, type Machine, machinesOf } from '../support/asl.ts';

const { whole, perInstance } = machinesOf(synthesized().template);
const tasks = (machine: Machine) => Object.entries(machine.States).filter(([, state]) => state.Type === 'Task');

/** The one place that decides "stop" or "somebody else needs it"; and where only the reaper can go on. */
const DECIDED = ['StopOrKeep'];
/** EC2 refused the start for lack of capacity: there is nothing to stop. */
const REFUSED = ['IsThereAnother'];
const REAPER = ['LeftToReaper'];

test('after Start every way out passes the decision to stop, or is left to the reaper', () => {
  expect(escapes(perInstance, 'Start', [...DECIDED, ...REFUSED, ...REAPER])).toEqual([]);
});

test('a decided stop is made and confirmed, or is left to the reaper', () => {
  expect(escapes(perInstance, 'Stop', ['ConfirmStopped', ...REAPER])).toEqual([]);
});

test('only a failed leave, stop or confirmation is left to the reaper', () => {
  const givesUp = tasks(perInstance).filter(([, state]) => (state.Catch ?? []).some((c) => REAPER.includes(c.Next)));
  expect(givesUp.map(([name]) => name).sort()).toEqual(['ConfirmStopped', 'LeaveFailed', 'Stop']);
});

test('taking any one Catch away is found', () => {
  for (const [name, state] of tasks(perInstance)) {
    const broken: Machine = { ...perInstance, States: { ...perInstance.States, [name]: { ...state, Catch: [] } } };
    const found = [...escapes(broken, 'Start', [...DECIDED, ...REAPER]), ...escapes(broken, 'Stop', REAPER)];
    expect(found.join('\n'), name).toContain(`${name} (uncaught error)`);
  }
});

test('every task ends by itself', () => {
  for (const [name, state] of [...tasks(whole), ...tasks(perInstance)])
    expect(state.TimeoutSeconds ?? state.TimeoutSecondsPath, name).toSatisfy(
      (limit) => limit === '$.start.bootSeconds' || limit > 0,
    );
});

test('every task that holds a machine catches everything', () => {
  for (const [name, state] of tasks(perInstance)) expect(catchesAll(state), name).toBe(true);
});

test('a worker that says nothing for two minutes is given up', () => {
  expect(perInstance.States['Drain']?.HeartbeatSeconds).toBe(120);
});

test('a start is tried again by the name of its error, a bounded number of times', () => {
  const retries = (perInstance.States['Start']?.Retry ?? []).map(({ ErrorEquals, MaxAttempts }) => [
    ErrorEquals.join(),
    MaxAttempts,
  ]);
  expect(retries.filter(([name]) => !String(name).startsWith('Lambda.'))).toEqual([
    ['NoCapacity', 2],
    ['NotYetStartable', 20],
    ['States.ALL', 4],
  ]);
});

test('a run with one instance takes at most 30 transitions, however many chunks it serves', () => {
  expect(Object.keys(whole.States).length + Object.keys(perInstance.States).length).toBeLessThanOrEqual(30);
});
