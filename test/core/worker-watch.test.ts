import { expect, test } from 'vitest';
import { LEASE_SECONDS } from '../../core/contracts/limits.ts';
import { FROZEN_SECONDS, workerWatch } from '../../host/worker-watch.ts';

function world(left?: number) {
  const file: { mtimeMs: number | undefined } = { mtimeMs: left };
  const clock = { ms: 0 };
  const isFrozen = workerWatch(
    () => file.mtimeMs,
    () => clock.ms,
  );
  return {
    isFrozen,
    beat: (atMs: number) => {
      file.mtimeMs = atMs;
    },
    pass: (seconds: number) => {
      clock.ms += 1000 * seconds;
    },
  };
}

test('a worker without a heartbeat is reported as frozen within its lease, but not at once [pressure.frozen-worker]', () => {
  const w = world();
  w.beat(1);
  expect(w.isFrozen()).toBe(false);
  w.pass(FROZEN_SECONDS);
  expect(w.isFrozen()).toBe(false);
  w.pass(1);
  expect(w.isFrozen()).toBe(true);
  expect(FROZEN_SECONDS + 1).toBeLessThan(LEASE_SECONDS);
});

test('each heartbeat restarts the time, whatever the modification time of its file [pressure.frozen-worker]', () => {
  const w = world();
  for (const atMs of [5, 4, 900]) {
    w.beat(atMs);
    w.isFrozen();
    w.pass(FROZEN_SECONDS - 1);
    expect(w.isFrozen()).toBe(false);
  }
});

test('the heartbeat file of a previous process is ignored until this process writes its first one [pressure.frozen-worker]', () => {
  const w = world(7);
  w.pass(1000);
  expect(w.isFrozen()).toBe(false);
});
