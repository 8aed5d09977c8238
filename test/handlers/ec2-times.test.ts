import { expect, test } from 'vitest';
import { stopTimeOf } from '../../lambdas/adapters/ec2-machines.ts';

test.each([
  ['User initiated (2026-11-21 09:30:00 GMT)', Date.UTC(2026, 10, 21, 9, 30)],
  ['Client.InstanceInitiatedShutdown: Instance initiated shutdown', undefined],
  ['', undefined],
  [undefined, undefined],
])('the stop time is parsed from %s, if it contains one [gpu.cost]', (reason, at) => {
  expect(stopTimeOf(reason)).toBe(at);
});
