/** The contract of the stores of the batch and its lock. It runs against memory, and against DynamoDB in test/host. */
import { describe, expect, test } from 'vitest';
import type { LockStore } from '../../core/batch-lock/ports.ts';
import type { BatchStore } from '../../core/batch-run/ports.ts';
import { emptyGate } from '../../core/batch-run/rows.ts';
import type { LeaseRow, RunRow } from '../../core/contracts/batch.ts';
import { fresh } from './fresh.ts';

const leaseRow = (id: string): LeaseRow => ({
  kind: 'lease',
  id,
  user_id: 'user-a',
  locked_at_ms: 1,
  renewed_at_ms: 1,
  until_ms: 2,
  expires_at_s: 3,
});

export function lockStoreContract(name: string, make: () => LockStore): void {
  describe(`${name}: lock store`, () => {
    test('locks and the gate change together, and only if the gate has not changed', async () => {
      const store = make();
      const [mine, late] = [leaseRow(fresh('session_')), leaseRow(fresh('session_'))];
      const from = await store.readGate();
      const change = (put: LeaseRow) => ({ gate: { from, to: { ...from, epoch: from.epoch + 1, live_until_ms: 7 } }, put });
      expect(await store.commit(change(mine))).toBe('committed');
      expect(await store.commit(change(late))).toBe('conflict');
      expect(await store.lease(mine.id)).toEqual(mine);
      expect(await store.lease(late.id)).toBeUndefined();
      const read = await store.readGate();
      expect(read).toEqual({ ...emptyGate(), epoch: from.epoch + 1, live_until_ms: 7 });
      const gate = { from: read, to: { ...read, epoch: read.epoch + 1, live_until_ms: 0 } };
      expect(await store.commit({ gate, remove: [mine] })).toBe('committed');
      expect((await store.leases()).map(({ id }) => id)).not.toContain(mine.id);
    });
  });
}

export function batchStoreContract(name: string, make: () => BatchStore): void {
  const runRow = (id: string): RunRow => ({
    kind: 'run',
    id,
    version: 1,
    trigger: 'manual',
    dry_run: false,
    state: 'scanning',
    started_at_ms: 1,
    deadline_ms: 2,
    busy_until_ms: 0,
    failures: 0,
    is_locked: false,
    is_behind_live: false,
  });

  describe(`${name}: batch store`, () => {
    test('a run is created once, changes only from the version that was read, and is listed newest first', async () => {
      const store = make();
      const [older, newer] = [runRow(fresh('batch-0001-')), runRow(fresh('batch-0002-'))];
      expect(await store.commit({ run: { to: older } })).toBe('committed');
      expect(await store.commit({ run: { to: older } })).toBe('conflict');
      await store.commit({ run: { to: newer } });
      const to = { ...older, version: 2, failures: 1 };
      expect(await store.commit({ run: { from: older, to } })).toBe('committed');
      expect(await store.commit({ run: { from: older, to } })).toBe('conflict');
      expect(await store.readRun(older.id)).toEqual(to);
      const listed = (await store.listRuns(50)).map(({ id }) => id).filter((id) => id === older.id || id === newer.id);
      expect(listed).toEqual([newer.id, older.id]);
      expect((await store.listRuns(50, newer.id)).map(({ id }) => id)).not.toContain(newer.id);
    });

    test('the state changes from the version that was read, or nothing is written', async () => {
      const store = make();
      const run = runRow(fresh('batch-0003-'));
      const from = await store.readState();
      const to = { ...from, version: from.version + 1, is_paused: true };
      expect(await store.commit({ state: { from, to } })).toBe('committed');
      expect(await store.commit({ state: { from, to }, run: { to: run } })).toBe('conflict');
      expect(await store.readRun(run.id)).toBeUndefined();
      expect(await store.readState()).toEqual(to);
      await store.commit({ state: { from: to, to: { ...to, version: to.version + 1, is_paused: false } } });
    });
  });
}
