import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  backlogAccess,
  isGateOpen,
  isRecording,
  liveLocks,
  lock,
  lockStatus,
  renewByUpload,
  unlock,
  unlockAny,
} from '../../core/batch-lock/lock.ts';
import { memoryLockStore } from '../support/memory-batch.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const A = { userId: 'user-a', sessionId: 'session_a' };
const B = { userId: 'user-b', sessionId: 'session_b' };

function world() {
  const clock = { ms: 1_000_000_000_000 };
  const locks = memoryLockStore();
  const deps = { locks, nowMs: () => clock.ms };
  const pass = (ms: number): void => {
    clock.ms += ms;
  };
  const isOpen = async (): Promise<boolean> => isGateOpen(await locks.readGate(), clock.ms);
  const run = { isScheduled: true, untilMs: 0, maxBlockedHours: 6 };
  return { clock, locks, deps, pass, isOpen, scheduled: () => backlogAccess(deps, { ...run, untilMs: clock.ms + HOUR }) };
}

test('a lock belongs to one session for half an hour; its user can renew it, and no other user can take or release it [batch.lock]', async () => {
  const { deps, pass, isOpen, clock } = world();
  const first = await lock(deps, A);
  expect(first.until_ms).toBe(clock.ms + 30 * MINUTE);
  expect(await isOpen()).toBe(false);
  pass(MINUTE);
  expect(await lock(deps, A)).toMatchObject({ locked_at_ms: first.locked_at_ms, until_ms: first.until_ms + MINUTE });
  await expect(lock(deps, { ...A, userId: 'user-b' })).rejects.toMatchObject({ code: 'forbidden' });
  await lock(deps, B);
  expect(await unlock(deps, 'user-b', A.sessionId)).toBe(0);
  expect(await unlock(deps, 'user-b')).toBe(1);
  expect((await liveLocks(deps)).map(({ id }) => id)).toEqual([A.sessionId]);
  expect(await isOpen()).toBe(false);
  expect(await unlock(deps, 'user-a', A.sessionId)).toBe(1);
  expect(await unlock(deps, 'user-a', A.sessionId)).toBe(0);
  expect(await isOpen()).toBe(true);
});

test('a recording that renews keeps its lock for two hours; half an hour after the last renewal the batch runs [batch.lock]', async () => {
  const { deps, pass, isOpen, scheduled, locks } = world();
  await lock(deps, A);
  for (let minute = 0; minute < 120; minute += 1) {
    pass(MINUTE);
    await lock(deps, A);
    expect(await isOpen()).toBe(false);
  }
  pass(30 * MINUTE - 1);
  expect(await scheduled()).toEqual({ kind: 'blocked' });
  pass(1);
  expect(await scheduled()).toEqual({ kind: 'free' });
  expect(locks.rows.size).toBe(0);
});

test('each uploaded chunk renews the lock of its session, but creates none [batch.lock]', async () => {
  const { deps, pass, isOpen, locks } = world();
  await renewByUpload(deps, A);
  expect(locks.rows.size).toBe(0);
  await lock(deps, A);
  for (let chunk = 0; chunk < 100; chunk += 1) {
    pass(30_000);
    await renewByUpload(deps, { ...A, userId: 'user-b' });
    await renewByUpload(deps, A);
  }
  expect(await isOpen()).toBe(false);
  expect(locks.rows.get(A.sessionId)?.user_id).toBe('user-a');
});

test('a session cannot block the batch for longer than twelve hours, also not with a new lock [batch.lock]', async () => {
  const { deps, pass, isOpen } = world();
  const end = (await lock(deps, A)).locked_at_ms + 12 * HOUR;
  for (let minute = 0; minute < 12 * 60 - 1; minute += 1) {
    pass(MINUTE);
    expect((await lock(deps, A)).until_ms).toBeLessThanOrEqual(end);
  }
  pass(MINUTE);
  await expect(lock(deps, A)).rejects.toMatchObject({ code: 'lock-expired' });
  expect(await isOpen()).toBe(true);
  await liveLocks(deps);
  pass(MINUTE);
  await expect(lock(deps, A)).rejects.toMatchObject({ code: 'lock-expired' });
  await lock(deps, B);
});

test('a batch that was blocked for six hours runs with lower priority than recordings, until they end [batch.turn]', async () => {
  const { deps, pass, isOpen, scheduled } = world();
  await lock(deps, A);
  const results: string[] = [];
  for (let hour = 0; hour < 8; hour += 2) {
    for (let minute = 0; minute < 120; minute += 1) {
      await lock(deps, A);
      pass(MINUTE);
    }
    results.push((await scheduled()).kind);
  }
  expect(results).toEqual(['blocked', 'blocked', 'blocked', 'behind-live']);
  expect(await isOpen()).toBe(true);
  await unlock(deps, 'user-a');
  expect((await scheduled()).kind).toBe('free');
  await lock(deps, B);
  expect(await isOpen()).toBe(false);
});

test('a user sees that there are locks and only their own details; an admin sees all', async () => {
  const { deps } = world();
  expect(await lockStatus(deps, { userId: 'user-a', isAdmin: false })).toEqual({ locked: false, sessions: 0, locks: [] });
  await lock(deps, A);
  await lock(deps, B);
  const seen = await lockStatus(deps, { userId: 'user-b', isAdmin: false });
  expect(seen).toMatchObject({ locked: true, sessions: 2, userId: 'user-b', sessionId: 'session_b' });
  expect(JSON.stringify(seen)).not.toContain('user-a');
  expect(await lockStatus(deps, { userId: 'user-c', isAdmin: false })).toMatchObject({ locked: true, locks: [] });
  expect((await lockStatus(deps, { userId: 'root', isAdmin: true })).locks).toHaveLength(2);
  await unlockAny(deps, 'session_a');
  expect(await deps.locks.leases()).toMatchObject([{ id: 'session_b' }]);
  await expect(unlockAny(deps, 'session_a')).rejects.toMatchObject({ code: 'not-found' });
});

test('for concurrent calls of clients in any order, the gate is closed exactly while a live lock exists [batch.lock]', async () => {
  const user = fc.constantFrom('a', 'b', 'c');
  const step = fc.oneof(
    fc.record({ do: fc.constant('lock'), user, pass: fc.constant(0) }),
    fc.record({ do: fc.constant('unlock'), user, pass: fc.constant(0) }),
    fc.record({ do: fc.constant('pass'), user, pass: fc.integer({ min: 1, max: 40 * MINUTE }) }),
    fc.record({ do: fc.constant('look'), user, pass: fc.constant(0) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { maxLength: 25 }), async (rounds) => {
      const { deps, pass, locks, clock } = world();
      for (const round of rounds) {
        await Promise.all(
          round.map(async (one): Promise<unknown> => {
            const place = { userId: one.user, sessionId: `session_${one.user}` };
            if (one.do === 'lock')
              return lock(deps, place).catch((error: { code?: string }) => expect(error.code).toBe('lock-expired'));
            if (one.do === 'unlock') return unlock(deps, one.user);
            if (one.do === 'look') return liveLocks(deps);
            return pass(one.pass);
          }),
        );
        const ends = [...locks.rows.values()].map(({ until_ms }) => until_ms);
        expect(isRecording(await locks.readGate(), clock.ms)).toBe(Math.max(0, ...ends) > clock.ms);
      }
    }),
    { numRuns: 500 },
  );
});
