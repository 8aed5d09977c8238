import { expect, test } from 'vitest';
import { synthesized } from '../../bin/synthesized.ts';
import { catchesAll, escapes, type Machine, machinesOf } from '../support/asl.ts';

const { whole, perInstance } = machinesOf(synthesized().template);
const tasks = (machine: Machine) => Object.entries(machine.States).filter(([, state]) => state.Type === 'Task');

/** The state that decides whether to stop the machine or to keep it for another holder. */
const DECIDED = ['StopOrKeep'];
/** EC2 refused the start for lack of capacity: there is nothing to stop. */
const REFUSED = ['IsThereAnother'];
/** The end that leaves the machine to the reaper. */
const REAPER = ['LeftToReaper'];

test('every path after Start passes the decision to stop, or is left to the reaper [gpu.started-and-stopped]', () => {
  expect(escapes(perInstance, 'Start', [...DECIDED, ...REFUSED, ...REAPER])).toEqual([]);
});

test('a decided stop is sent and confirmed, or is left to the reaper', () => {
  expect(escapes(perInstance, 'Stop', ['ConfirmStopped', ...REAPER])).toEqual([]);
});

test('only a failed leave, stop or confirmation is left to the reaper', () => {
  const leaving = tasks(perInstance).filter(([, state]) => (state.Catch ?? []).some((c) => REAPER.includes(c.Next)));
  expect(leaving.map(([name]) => name).sort()).toEqual(['ConfirmStopped', 'LeaveFailed', 'Stop']);
});

test('removing any Catch is detected [gpu.started-and-stopped]', () => {
  for (const [name, state] of tasks(perInstance)) {
    const broken: Machine = { ...perInstance, States: { ...perInstance.States, [name]: { ...state, Catch: [] } } };
    const found = [...escapes(broken, 'Start', [...DECIDED, ...REAPER]), ...escapes(broken, 'Stop', REAPER)];
    expect(found.join('\n'), name).toContain(`${name} (uncaught error)`);
  }
});

test('every task has a timeout', () => {
  for (const [name, state] of [...tasks(whole), ...tasks(perInstance)])
    expect(state.TimeoutSeconds ?? state.TimeoutSecondsPath, name).toSatisfy(
      (limit) => limit === '$.start.bootSeconds' || limit > 0,
    );
});

test('every task that holds a machine catches all errors', () => {
  for (const [name, state] of tasks(perInstance)) expect(catchesAll(state), name).toBe(true);
});

test('a worker without a heartbeat for two minutes is abandoned', () => {
  expect(perInstance.States['Drain']?.HeartbeatSeconds).toBe(120);
});

test('a failed start is retried a limited number of times, which depends on the error', () => {
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

test('a run with one instance has at most 30 states, whatever the number of chunks', () => {
  expect(Object.keys(whole.States).length + Object.keys(perInstance.States).length).toBeLessThanOrEqual(30);
});
