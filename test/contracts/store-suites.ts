/** What every store must do, whatever it is made of: run against memory here, against DynamoDB in test/host. */
import { describe, expect, test } from 'vitest';
import type { ChunkStore } from '../../core/chunk-cache/ports.ts';
import type { FleetStore } from '../../core/fleet/ports.ts';
import { observe } from '../../core/ledger/gpu-time.ts';
import type { LedgerStore } from '../../core/ledger/ports.ts';
import type { SessionStore } from '../../core/sessions/ports.ts';
import { chunkRow, sessionRow } from '../support/rows.ts';

let counter = 0;
/** An id that no other test uses: the suites share tables. */
const fresh = (prefix: string): string => `${prefix}${process.pid}_${Date.now()}_${++counter}`;

export function sessionStoreContract(name: string, make: () => SessionStore): void {
  describe(`${name}: session store`, () => {
    test('of two creations of one id, one happens', async () => {
      const store = make();
      const row = sessionRow({ session_id: fresh('session_') });
      const made = await Promise.all([store.create(row), store.create({ ...row, title: 'other' })]);
      expect(made.filter(Boolean)).toHaveLength(1);
    });

    test('what was created reads back, and an unknown id is undefined', async () => {
      const store = make();
      const row = sessionRow({ session_id: fresh('session_'), title: 'Tuesday', language: 'en' });
      await store.create(row);
      expect(await store.get(row.session_id)).toEqual(row);
      expect(await store.get(fresh('session_'))).toBeUndefined();
    });

    test('a user sees their own sessions, newest first, page by page', async () => {
      const store = make();
      const [user, other] = [fresh('user'), fresh('user')];
      const ids = ['a', 'b', 'c'].map((letter) => fresh(`session_${letter}`));
      for (const [i, session_id] of ids.entries())
        await store.create(sessionRow({ session_id, user_id: user, created_at_ms: 1000 + i }));
      await store.create(sessionRow({ session_id: fresh('session_'), user_id: other }));
      const first = await store.listOf(user, 2);
      expect(first.items.map((row) => row.session_id)).toEqual([ids[2], ids[1]]);
      const second = await store.listOf(user, 2, first.cursor);
      expect(second.items.map((row) => row.session_id)).toEqual([ids[0]]);
      expect(second.cursor).toBeUndefined();
    });

    test('a cursor that is not one of ours is a malformed request', async () => {
      await expect(make().listOf('user', 2, 'nonsense!')).rejects.toMatchObject({ code: 'malformed' });
    });

    test('completing twice keeps the first time and the newest count', async () => {
      const store = make();
      const row = sessionRow({ session_id: fresh('session_') });
      await store.create(row);
      await store.complete(row.session_id, 3, 2000);
      await store.complete(row.session_id, 4, 3000);
      expect(await store.get(row.session_id)).toMatchObject({ state: 'completed', chunk_count: 4, completed_at_ms: 2000 });
    });

    test('a written transcript is noted', async () => {
      const store = make();
      const row = sessionRow({ session_id: fresh('session_') });
      await store.create(row);
      await store.recordTranscript(row.session_id, { status: 'partial', madeOf: 'hash', writtenAtMs: 5 });
      expect(await store.get(row.session_id)).toMatchObject({
        transcript_status: 'partial',
        transcript_of: 'hash',
        transcript_written_at_ms: 5,
      });
    });
  });
}

export function chunkStoreContract(name: string, make: () => ChunkStore): void {
  describe(`${name}: chunk store`, () => {
    const row = (n: number, more = {}) => chunkRow(n, { session_id: fresh('session_'), ...more });

    test('of two first rows of a number, one is inserted and the other is shown it', async () => {
      const store = make();
      const one = row(1);
      const outcomes = await Promise.all([store.insert(one), store.insert({ ...one, etag: 'other' })]);
      expect(outcomes.map((outcome) => outcome.kind).sort()).toEqual(['exists', 'inserted']);
      const there = await store.get(one.session_id, 1);
      expect(outcomes).toContainEqual({ kind: 'exists', row: there });
    });

    test('rows of a session come by chunk number', async () => {
      const store = make();
      const first = row(10);
      for (const n of [10, 2, 1]) await store.insert({ ...first, chunk_number: n });
      expect((await store.listOf(first.session_id)).map((found) => found.chunk_number)).toEqual([1, 2, 10]);
    });

    test('a row is replaced only while its fence and bytes are the known ones, and nothing of it stays', async () => {
      const store = make();
      const old = row(1, { raw_text: 'old', replace_allowed: true });
      await store.insert(old);
      const { raw_text: _text, replace_allowed: _allowed, ...rest } = old;
      const next = { ...rest, etag: 'new', fence: 1 };
      expect(await store.replace({ ...old, fence: 7 }, next)).toBe(false);
      expect(await store.replace(old, next)).toBe(true);
      expect(await store.get(old.session_id, 1)).toEqual(next);
      expect(await store.replace(old, next)).toBe(false);
    });

    test('a replacement is allowed for a row that is there, and makes none', async () => {
      const store = make();
      const one = row(1);
      await store.allowReplacement(one.session_id, 1);
      expect(await store.get(one.session_id, 1)).toBeUndefined();
      await store.insert(one);
      await store.allowReplacement(one.session_id, 1);
      expect(await store.get(one.session_id, 1)).toMatchObject({ replace_allowed: true });
    });

    test('a sent message is noted on rows that wait, and on no other', async () => {
      const store = make();
      const [waiting, done] = [row(1), row(2, { state: 'done' })];
      for (const each of [waiting, done]) {
        await store.insert(each);
        await store.noteQueued(each, 'stop', 9_999);
      }
      expect(await store.get(waiting.session_id, 1)).toMatchObject({ lane: 'stop', queued_at_ms: 9_999 });
      expect(await store.get(done.session_id, 2)).toMatchObject({ lane: 'live', queued_at_ms: 1_000 });
    });

    test('the pending index has the rows that wait, and no others', async () => {
      const store = make();
      const waiting = row(1, { pending_shard: 'pending-3' });
      await store.insert(waiting);
      const { pending_shard: _shard, ...finished } = row(1, { state: 'done' });
      await store.insert(finished);
      const ids = (await store.listPending(500)).map((found) => found.session_id);
      expect(ids).toContain(waiting.session_id);
      expect(ids).not.toContain(finished.session_id);
    });
  });
}

export function fleetStoreContract(name: string, make: () => FleetStore): void {
  describe(`${name}: fleet store`, () => {
    test('rows that nobody wrote read as their empty form', async () => {
      expect(await make().readInstance(fresh('i-'))).toMatchObject({ state: 'idle', version: 0, holders: {} });
    });

    test('every wish has a number of its own', async () => {
      const store = make();
      const seqs = await Promise.all([store.raiseWanted(), store.raiseWanted(), store.raiseWanted()]);
      expect(new Set(seqs.map((pool) => pool.wanted_seq)).size).toBe(3);
    });

    test('of two changes from one version, one happens', async () => {
      const store = make();
      const instance = await store.readInstance(fresh('i-'));
      const change = (run: string) => ({
        instances: [{ from: instance, to: { ...instance, version: 1, holders: { [run]: 1 } } }],
      });
      const outcomes = await Promise.all([store.commit(change('run-1')), store.commit(change('run-2'))]);
      expect(outcomes.sort()).toEqual(['committed', 'conflict']);
    });

    test('a wish that comes in between makes a change of the pool a conflict, and then neither row changes', async () => {
      const store = make();
      const [pool, instance] = [await store.readPool(), await store.readInstance(fresh('i-'))];
      await store.raiseWanted();
      const to = {
        pool: { from: pool, to: { ...pool, version: pool.version + 1 } },
        instances: [{ from: instance, to: { ...instance, version: 1 } }],
      };
      expect(await store.commit(to)).toBe('conflict');
      expect(await store.readInstance(instance.id)).toMatchObject({ version: 0 });
    });

    test('a change of two instances happens whole or not at all', async () => {
      const store = make();
      const [a, b] = [await store.readInstance(fresh('i-')), await store.readInstance(fresh('i-'))];
      const both = { instances: [a, b].map((from) => ({ from, to: { ...from, version: 1, fence: 7 } })) };
      const [, second] = both.instances;
      if (second === undefined) throw new Error('two were made');
      await store.commit({ instances: [second] });
      expect(await store.commit(both)).toBe('conflict');
      expect(await store.readInstance(a.id)).toMatchObject({ version: 0 });
    });

    test('what is left out of a row is gone', async () => {
      const store = make();
      const pool = await store.readPool();
      const serving = {
        ...pool,
        version: pool.version + 1,
        serving: { run_id: 'run-x', machines: [], tried: [], drained: false },
      };
      await store.commit({ pool: { from: pool, to: serving } });
      const { serving: _gone, ...free } = serving;
      await store.commit({ pool: { from: serving, to: { ...free, version: serving.version + 1 } } });
      expect(await store.readPool()).not.toHaveProperty('serving');
    });
  });
}

export function ledgerStoreContract(name: string, make: () => LedgerStore): void {
  describe(`${name}: ledger store`, () => {
    test('launches are kept once each, and found by their day', async () => {
      const store = make();
      const launch = Date.UTC(2031, 0, 1, 23, 59, Math.floor(Math.random() * 60));
      const machine = { instanceId: fresh('i-'), state: 'running', launchedAtMs: launch, instanceType: 'g4dn.xlarge' } as const;
      const running = observe(machine, undefined, launch + 1000);
      if (running === undefined) throw new Error('a running machine has run');
      await store.putInterval(running);
      expect(await store.interval(running.usage_id)).toEqual(running);
      const stopped = observe({ ...machine, state: 'stopped' }, running, launch + 120_000);
      if (stopped === undefined) throw new Error('its end is news');
      await store.putInterval(stopped);
      const found = (await store.intervalsOf('2031-01-01')).filter((row) => row.instance_id === machine.instanceId);
      expect(found).toEqual([{ ...stopped, stopped_at_ms: launch + 120_000 }]);
      expect(await store.usagesOf('2031-01-01')).toEqual([]);
      expect(await store.interval('gpu#nobody#1')).toBeUndefined();
    });
  });
}
