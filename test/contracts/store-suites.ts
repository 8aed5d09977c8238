/** The contracts of all stores. They run against memory here, and against DynamoDB in test/host. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { LockStore } from '../../core/batch-lock/ports.ts';
import type { BatchStore } from '../../core/batch-run/ports.ts';
import { emptyGate } from '../../core/batch-run/rows.ts';
import type { ChunkStore } from '../../core/chunk-cache/ports.ts';
import type { LeaseRow, RunRow } from '../../core/contracts/batch.ts';
import type { SettingsStore } from '../../core/corrections/ports.ts';
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
    test('of two creations of one id, one succeeds', async () => {
      const store = make();
      const row = sessionRow({ session_id: fresh('session_') });
      const made = await Promise.all([store.create(row), store.create({ ...row, title: 'other' })]);
      expect(made.filter(Boolean)).toHaveLength(1);
    });

    test('a created row can be read, and an unknown id is undefined', async () => {
      const store = make();
      const row = sessionRow({ session_id: fresh('session_'), title: 'Tuesday', language: 'en' });
      await store.create(row);
      expect(await store.get(row.session_id)).toEqual(row);
      expect(await store.get(fresh('session_'))).toBeUndefined();
    });

    test('a user lists only their own sessions, newest first, in pages', async () => {
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

    test('pages are full while there are more sessions, even if the newest ones are deleted, and skip none', async () => {
      const store = make();
      const user = fresh('user');
      const rows = Array.from({ length: 8 }, (_, i) =>
        sessionRow({ session_id: fresh('session_'), user_id: user, created_at_ms: 1000 + i }),
      );
      for (const row of rows) await store.create(row);
      for (const row of rows.slice(4)) await store.markDeleted(row, 5_000, 9e12);
      const first = await store.listOf(user, 2);
      expect(first.items).toEqual([rows[3], rows[2]]);
      expect(await store.listOf(user, 2, first.cursor)).toEqual({ items: [rows[1], rows[0]] });
    });

    test('an invalid cursor is a malformed request', async () => {
      await expect(make().listOf('user', 2, 'nonsense!')).rejects.toMatchObject({ code: 'malformed' });
    });

    test('completing a session twice keeps the first time and the newest chunk count', async () => {
      const store = make();
      const row = sessionRow({ session_id: fresh('session_') });
      await store.create(row);
      await store.complete(row.session_id, 3, 2000);
      await store.complete(row.session_id, 4, 3000);
      expect(await store.get(row.session_id)).toMatchObject({ state: 'completed', chunk_count: 4, completed_at_ms: 2000 });
    });

    test('a written transcript is recorded in the session row', async () => {
      const store = make();
      const row = sessionRow({ session_id: fresh('session_') });
      await store.create(row);
      await store.recordTranscript(row.session_id, { status: 'partial', madeOf: 'hash', writtenAtMs: 4, retranscription: 2 });
      await store.recordTranscript(row.session_id, { status: 'partial', madeOf: 'hash', writtenAtMs: 5 });
      expect(await store.get(row.session_id)).toMatchObject({
        transcript_status: 'partial',
        transcript_of: 'hash',
        transcript_written_at_ms: 5,
        transcript_retranscription: 2,
      });
    });

    test('a deleted session leaves a tombstone without its title, and no write restores it', async () => {
      const store = make();
      const row = sessionRow({ session_id: fresh('session_'), user_id: fresh('user'), title: 'Secret' });
      await store.create(row);
      await store.markDeleted(row, 5_000, 9_000);
      expect(await store.get(row.session_id)).toEqual({
        session_id: row.session_id,
        user_id: row.user_id,
        live: true,
        created_at_ms: row.created_at_ms,
        state: 'deleted',
        deleted_at_ms: 5_000,
        due_shard: 'due',
        due_at_ms: 9_000,
      });
      expect((await store.listOf(row.user_id, 10)).items).toEqual([]);
      expect(await store.complete(row.session_id, 3, 6_000)).toBe(false);
      expect(await store.recordTranscript(row.session_id, { status: 'partial', madeOf: 'x', writtenAtMs: 1 })).toBe(false);
      expect(await store.create(row)).toBe(false);
      expect(await store.get(row.session_id)).toMatchObject({ state: 'deleted' });
    });

    test('of two concurrent retranscriptions of a completed session one begins; the session is due until all chunks are queued, and old values are cleared', async () => {
      const store = make();
      const row = sessionRow({ session_id: fresh('session_'), language: 'en', detected_language: 'en', model: 'large-v3' });
      await store.create(row);
      const change = { language: undefined, model: 'small', nowMs: 5, dueAtMs: Date.now() - 1e9 };
      expect(await store.retranscribe(row, change)).toBe(false); // the session is still recording
      await store.complete(row.session_id, 1, 2);
      const begun = await Promise.all([store.retranscribe(row, change), store.retranscribe(row, change)]);
      expect(begun.sort()).toEqual([false, true]);
      const due = async () => (await store.listDue(Date.now(), 500)).some((one) => one.session_id === row.session_id);
      const first = await store.get(row.session_id);
      expect(first).toMatchObject({
        model: 'small',
        retranscription: { number: 1, requested_at_ms: 5, is_queued: false },
      });
      for (const name of ['language', 'detected_language']) expect(first).not.toHaveProperty(name);
      expect(await due()).toBe(true);
      if (first === undefined) throw new Error('the session is gone');
      expect(await store.retranscribe(first, { ...change, language: 'de', model: undefined })).toBe(true);
      await store.noteRequeued(first); // ignored: a newer retranscription has replaced this one
      expect(await due()).toBe(true);
      const second = await store.get(row.session_id);
      expect(second).toMatchObject({ language: 'de', retranscription: { number: 2, is_queued: false } });
      expect(second).not.toHaveProperty('model');
      if (second !== undefined) await store.noteRequeued(second);
      expect(await due()).toBe(false);
      expect(await store.get(row.session_id)).toMatchObject({ retranscription: { number: 2, is_queued: true } });
    });

    test('a session is due at its time, until it is completed, postponed or cleared', async () => {
      const store = make();
      const at = Date.now() - 1e9;
      const due = (more = {}) => sessionRow({ session_id: fresh('session_'), due_shard: 'due', due_at_ms: at, ...more });
      const [early, moved, completed, over] = [due(), due(), due(), due()];
      for (const row of [early, moved, completed, over]) await store.create(row);
      await store.setDue(moved, at + 5_000);
      await store.setDue({ ...moved, due_at_ms: 1 }, at); // ignored: the due time has changed
      await store.complete(completed.session_id, 1, 2);
      await store.setDue(over, undefined);
      const ids = async (nowMs: number): Promise<string[]> => (await store.listDue(nowMs, 500)).map((row) => row.session_id);
      expect(await ids(at - 1)).not.toContain(early.session_id);
      const [now, later] = [await ids(at), await ids(at + 5_000)];
      expect(now).toContain(early.session_id);
      expect(now).not.toContain(moved.session_id);
      expect(later).toContain(moved.session_id);
      for (const { session_id } of [completed, over]) expect(later).not.toContain(session_id);
      for (const row of [early, { ...moved, due_at_ms: at + 5_000 }]) await store.setDue(row, undefined);
    });

    test('an abandoned recording is closed once, and only if its due time has not changed', async () => {
      const store = make();
      const row = sessionRow({ session_id: fresh('session_'), due_shard: 'due', due_at_ms: 5 });
      await store.create(row);
      expect(await store.closeAbandoned({ ...row, due_at_ms: 4 }, 2, 9)).toBe(false);
      expect(await store.closeAbandoned(row, 2, 9)).toBe(true);
      expect(await store.closeAbandoned(row, 3, 9)).toBe(false);
      expect(await store.get(row.session_id)).toMatchObject({ state: 'completed', chunk_count: 2, abandoned: true });
    });
  });
}

export function chunkStoreContract(name: string, make: () => ChunkStore): void {
  describe(`${name}: chunk store`, () => {
    const row = (n: number, more = {}) => chunkRow(n, { session_id: fresh('session_'), ...more });

    test('of two new rows with one chunk number, one is inserted, and the other insert returns it', async () => {
      const store = make();
      const one = row(1);
      const outcomes = await Promise.all([store.insert(one), store.insert({ ...one, etag: 'other' })]);
      expect(outcomes.map((outcome) => outcome.kind).sort()).toEqual(['exists', 'inserted']);
      const stored = await store.get(one.session_id, 1);
      expect(outcomes).toContainEqual({ kind: 'exists', row: stored });
    });

    test('rows of a session are listed by chunk number', async () => {
      const store = make();
      const first = row(10);
      for (const n of [10, 2, 1]) await store.insert({ ...first, chunk_number: n });
      expect((await store.listOf(first.session_id)).map((found) => found.chunk_number)).toEqual([1, 2, 10]);
    });

    test('a row is replaced only if its fence and bytes have not changed, and no old attribute stays', async () => {
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

    test('allowing a replacement changes an existing row, and creates none', async () => {
      const store = make();
      const one = row(1);
      await store.allowReplacement(one.session_id, 1);
      expect(await store.get(one.session_id, 1)).toBeUndefined();
      await store.insert(one);
      await store.allowReplacement(one.session_id, 1);
      expect(await store.get(one.session_id, 1)).toMatchObject({ replace_allowed: true });
    });

    test('a sent message is recorded only on pending rows', async () => {
      const store = make();
      const [waiting, done] = [row(1), row(2, { state: 'done' })];
      for (const each of [waiting, done]) {
        await store.insert(each);
        await store.noteQueued(each, 'stop', 9_999);
      }
      expect(await store.get(waiting.session_id, 1)).toMatchObject({ lane: 'stop', queued_at_ms: 9_999 });
      expect(await store.get(done.session_id, 2)).toMatchObject({ lane: 'live', queued_at_ms: 1_000 });
    });

    test('a chunk without its result is reset to pending with a new fence, and keeps nothing of the result', async () => {
      const store = make();
      const result = { result_key: 'r', raw_text: 'x', content_key: 'c', transcribed_at_ms: 5, duration_seconds: 30 };
      const { pending_shard: _none, ...done } = row(1, { state: 'done', fence: 2, attempts: 2, ...result });
      await store.insert(done);
      expect(await store.reset({ ...done, etag: 'other' }, 'backlog', 9)).toBe(false);
      expect(await store.reset(done, 'backlog', 9)).toBe(true);
      expect(await store.reset(done, 'backlog', 9)).toBe(false);
      const [again] = await store.getMany([{ sessionId: done.session_id, chunkNumber: 1 }]);
      expect(again).toMatchObject({
        state: 'pending',
        fence: 3,
        attempts: 0,
        lane: 'backlog',
        queued_at_ms: 9,
        duration_seconds: 30,
      });
      for (const name of ['result_key', 'raw_text', 'content_key', 'transcribed_at_ms']) expect(again).not.toHaveProperty(name);
      expect((await store.listAllPending()).map((one) => one.session_id)).toContain(done.session_id);
    });

    test('a row is queued for retranscription once, only if it has not changed, and keeps its old result and state', async () => {
      const store = make();
      const result = {
        result_key: 'r',
        raw_text: 'x',
        content_key: 'c',
        corrections_version: 2,
        duration_seconds: 30,
        peaks: 'p',
      };
      const { pending_shard: _none, ...done } = row(1, { state: 'done', fence: 2, attempts: 2, model: 'm', ...result });
      const { pending_shard: _other, ...dead } = row(2, {
        state: 'dead',
        dead_shard: 'dead',
        error_message: 'e',
        language: 'en',
      });
      const waits = row(3, { lane: 'backlog', former: { state: 'dead', fence: 0 } });
      for (const one of [done, dead, waits]) await store.insert(one);
      const again = { number: 1, language: 'de', model: undefined };
      expect(await store.transcribeAgain({ ...done, fence: 1 }, again, 'files', 9)).toBe(false);
      for (const one of [done, dead, waits]) expect(await store.transcribeAgain(one, again, 'files', 9)).toBe(true);
      expect(await store.transcribeAgain(done, again, 'files', 9)).toBe(false);
      const [first, second, third] = await Promise.all(
        [done, dead, waits].map((one) => store.get(one.session_id, one.chunk_number)),
      );
      const requested = { state: 'pending', attempts: 0, lane: 'files', queued_at_ms: 9, language: 'de', retranscription: 1 };
      expect(first).toMatchObject({ ...requested, fence: 2, result_key: 'r', raw_text: 'x', content_key: 'c', peaks: 'p' });
      expect(first?.former).toEqual({ state: 'done', fence: 2, result_key: 'r' });
      for (const name of ['model', 'corrections_version']) expect(first).not.toHaveProperty(name);
      expect(second).toMatchObject({ ...requested, former: { state: 'dead', fence: 0, error_message: 'e' } });
      for (const name of ['error_message', 'dead_shard']) expect(second).not.toHaveProperty(name);
      expect(third).toMatchObject(requested);
      expect(third).not.toHaveProperty('former');
      const pending = (await store.listAllPending()).map((one) => one.session_id);
      for (const one of [done, dead]) expect(pending).toContain(one.session_id);
      for (const one of [done, dead, waits]) await store.removeAll(one.session_id);
    });

    test('a pending row that is missing in the index is put back, a done one is not', async () => {
      const store = make();
      const { pending_shard: _none, ...waits } = row(1);
      const done = { ...waits, chunk_number: 2, state: 'done' } as const;
      for (const one of [waits, done]) await store.insert(one);
      for (const one of [waits, done]) await store.index(one);
      const found = (await store.listAllPending()).filter((one) => one.session_id === waits.session_id);
      expect(found.map((one) => one.chunk_number)).toEqual([1]);
    });

    test('of many requested rows the existing ones are returned', async () => {
      const store = make();
      const one = row(1);
      for (const n of [1, 2, 3]) await store.insert({ ...one, chunk_number: n });
      const places = Array.from({ length: 150 }, (_, i) => ({ sessionId: one.session_id, chunkNumber: i + 1 }));
      expect((await store.getMany(places)).map((found) => found.chunk_number).sort()).toEqual([1, 2, 3]);
      expect(await store.getMany([])).toEqual([]);
    });

    test('a dead row gets new attempts once, and not if its bytes have been replaced', async () => {
      const store = make();
      const { pending_shard: _shard, ...dead } = row(1, {
        state: 'dead',
        dead_shard: 'dead',
        attempts: 3,
        deaths: 2,
        error_message: 'x',
        lane: 'live',
      });
      await store.insert(dead);
      expect(await store.revive({ ...dead, etag: 'other' }, 'stop', 7)).toBe(false);
      const listed = async () => (await store.listDead(500)).some(({ session_id }) => session_id === dead.session_id);
      expect(await listed()).toBe(true);
      expect(await store.revive(dead, 'stop', 7)).toBe(true);
      expect(await listed()).toBe(false);
      expect(await store.revive(dead, 'stop', 8)).toBe(false);
      const revived = await store.get(dead.session_id, 1);
      expect(revived).toMatchObject({
        state: 'pending',
        attempts: 0,
        lane: 'stop',
        queued_at_ms: 7,
        pending_shard: expect.any(String),
      });
      expect(revived).not.toHaveProperty('error_message');
      expect(revived).not.toHaveProperty('deaths');
      await store.removeAll(dead.session_id);
    });

    test('corrected text is stored only with the result that it was made from', async () => {
      const store = make();
      const done = row(1, { state: 'done', fence: 2, raw_text: 'a' });
      await store.insert(done);
      const corrected = { text: 'b', wordCounts: { b: 1 }, version: 3 };
      await store.noteCorrected({ ...done, fence: 1 }, corrected);
      expect(await store.get(done.session_id, 1)).not.toHaveProperty('corrected_text');
      await store.noteCorrected(done, corrected);
      expect(await store.get(done.session_id, 1)).toMatchObject({
        raw_text: 'a',
        corrected_text: 'b',
        word_counts: { b: 1 },
        corrections_version: 3,
      });
    });

    test('all rows of a session are removed, and those of other sessions stay', async () => {
      const store = make();
      const [mine, other] = [row(1), row(1)];
      await store.insert(other);
      for (let n = 1; n <= 30; n++) await store.insert({ ...mine, chunk_number: n });
      await store.removeAll(mine.session_id);
      expect(await store.listOf(mine.session_id)).toEqual([]);
      expect(await store.listOf(other.session_id)).toHaveLength(1);
    });

    test('the pending index contains unfinished rows, and no others', async () => {
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
    test('a row that was never written is read as an empty one', async () => {
      expect(await make().readInstance(fresh('i-'))).toMatchObject({ state: 'idle', version: 0, holders: {} });
    });

    test('every request for a machine gets its own number', async () => {
      const store = make();
      const seqs = await Promise.all([store.raiseWanted(), store.raiseWanted(), store.raiseWanted()]);
      expect(new Set(seqs.map((pool) => pool.wanted_seq)).size).toBe(3);
    });

    test('of two changes of one version, one succeeds', async () => {
      const store = make();
      const instance = await store.readInstance(fresh('i-'));
      const change = (run: string) => ({
        instances: [{ from: instance, to: { ...instance, version: 1, holders: { [run]: 1 } } }],
      });
      const outcomes = await Promise.all([store.commit(change('run-1')), store.commit(change('run-2'))]);
      expect(outcomes.sort()).toEqual(['committed', 'conflict']);
    });

    test('a request for a machine makes a concurrent change of the pool a conflict, and then neither row changes', async () => {
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

    test('a change of two instances is atomic', async () => {
      const store = make();
      const [a, b] = [await store.readInstance(fresh('i-')), await store.readInstance(fresh('i-'))];
      const both = { instances: [a, b].map((from) => ({ from, to: { ...from, version: 1, fence: 7 } })) };
      const [, second] = both.instances;
      if (second === undefined) throw new Error('two were made');
      await store.commit({ instances: [second] });
      expect(await store.commit(both)).toBe('conflict');
      expect(await store.readInstance(a.id)).toMatchObject({ version: 0 });
    });

    test('attributes that a change omits are removed', async () => {
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
    test('each launch is stored once, and listed by its day', async () => {
      const store = make();
      const launch = Date.UTC(2031, 0, 1, 23, 59, Math.floor(Math.random() * 60));
      const machine = { instanceId: fresh('i-'), state: 'running', launchedAtMs: launch, instanceType: 'g4dn.xlarge' } as const;
      const running = observe(machine, undefined, launch + 1000);
      if (running === undefined) throw new Error('a running machine must have an interval');
      await store.putInterval(running);
      expect(await store.interval(running.usage_id)).toEqual(running);
      const stopped = observe({ ...machine, state: 'stopped' }, running, launch + 120_000);
      if (stopped === undefined) throw new Error('a stop must change the interval');
      await store.putInterval(stopped);
      const found = (await store.intervalsOf('2031-01-01')).filter((row) => row.instance_id === machine.instanceId);
      expect(found).toEqual([{ ...stopped, stopped_at_ms: launch + 120_000 }]);
      expect(await store.usagesOf('2031-01-01')).toEqual([]);
      expect(await store.interval('gpu#unknown#1')).toBeUndefined();
    });
  });
}

export function settingsStoreContract(name: string, make: () => SettingsStore): void {
  describe(`${name}: settings store`, () => {
    test('of two changes of one version, one succeeds', async () => {
      const store = make();
      const row = { user_id: fresh('user'), version: 1, corrections: { rules: [] }, applied_version: 0 };
      expect(await store.get(row.user_id)).toBeUndefined();
      const first = await Promise.all([store.put(row, undefined), store.put(row, undefined)]);
      expect(first.filter(Boolean)).toHaveLength(1);
      expect(await store.get(row.user_id)).toEqual(row);
      expect(await store.put({ ...row, version: 2 }, 7)).toBe(false);
      expect(await store.put({ ...row, version: 2 }, 1)).toBe(true);
    });

    test('corrections of any accepted size are stored completely, also small ones after large ones', async () => {
      const store = make();
      const user_id = fresh('user');
      /** Random characters of four bytes, which do not compress. */
      const noise = (length: number): string => {
        const bytes = randomBytes(4 * length);
        return Array.from({ length }, (_, i) => String.fromCodePoint(0x10000 + (bytes.readUInt32BE(4 * i) % 0x100000))).join('');
      };
      const random = {
        rules: Array.from({ length: 500 }, () => ({
          kind: 'literal',
          match: noise(500),
          replace: noise(500),
          caseSensitive: false,
        })),
        targetWords: Array.from({ length: 500 }, () => noise(100)),
      };
      const large = (character: string, rules: number) => ({
        rules: Array.from({ length: rules }, (_, index) => ({
          kind: 'literal',
          match: `${index}`.padEnd(500, character),
          replace: character.repeat(500),
          caseSensitive: false,
        })),
        targetWords: Array.from({ length: 500 }, (_, index) => `${index}`.padEnd(100, character)),
      });
      const all = [large('a', 500), large('\u0001', 500), random, large('語', 100), large('a', 1)];
      for (const [version, corrections] of all.entries()) {
        const row = { user_id, version: version + 1, corrections, applied_version: 0 };
        expect(await store.put(row, version === 0 ? undefined : version)).toBe(true);
        expect(await store.put(row, 99)).toBe(false);
        expect(await store.get(user_id)).toEqual(row);
        await store.noteApplied(user_id, version + 1);
        expect(await store.get(user_id)).toEqual({ ...row, applied_version: version + 1 });
      }
    });

    test('of two large changes of one version one succeeds, and readers see only complete versions', async () => {
      const store = make();
      const user_id = fresh('user');
      const of = (version: number, letter: string) => ({
        user_id,
        version,
        corrections: { targetWords: Array.from({ length: 8000 }, () => letter.repeat(100)) },
        applied_version: 0,
      });
      await store.put(of(1, 'a'), undefined);
      const [b, c] = [of(2, 'b'), of(2, 'c')];
      const [first, second, ...seen] = await Promise.all([
        store.put(b, 1),
        store.put(c, 1),
        ...Array.from({ length: 5 }, () => store.get(user_id)),
      ]);
      expect([first, second].filter(Boolean)).toHaveLength(1);
      for (const row of seen) expect([of(1, 'a'), b, c]).toContainEqual(row);
      expect(await store.get(user_id)).toEqual(first ? b : c);
    });

    test('progress in applying corrections is recorded only for the current version', async () => {
      const store = make();
      const row = { user_id: fresh('user'), version: 2, corrections: {}, applied_version: 0 };
      await store.put(row, undefined);
      await store.noteReached(row.user_id, 2, undefined);
      expect(await store.get(row.user_id)).toEqual({ ...row, apply_slices: 1 });
      await store.noteReached(row.user_id, 2, 'page-2');
      await store.noteReached(row.user_id, 2, undefined);
      await store.noteReached(row.user_id, 1, 'page-3');
      expect(await store.get(row.user_id)).toEqual({ ...row, apply_cursor: 'page-2', apply_slices: 3 });
      await store.noteApplied(row.user_id, 1);
      expect(await store.get(row.user_id)).toMatchObject({ apply_cursor: 'page-2', applied_version: 0 });
      await store.noteApplied(row.user_id, 2);
      expect(await store.get(row.user_id)).toEqual({ ...row, applied_version: 2 });
    });
  });
}

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
