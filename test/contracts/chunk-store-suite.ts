/** The contract of the store of chunks. It runs against memory, and against DynamoDB in test/host. */
import { describe, expect, test } from 'vitest';
import type { ChunkStore } from '../../core/chunk-cache/ports.ts';
import { chunkRow } from '../support/rows.ts';
import { fresh } from './fresh.ts';

export function chunkStoreContract(name: string, make: () => ChunkStore): void {
  describe(`${name}: chunk store`, () => {
    const row = (n: number, more = {}) => chunkRow(n, { session_id: fresh('session_'), ...more });

    test('of two new rows with one chunk number, one is inserted, and the other insert returns it [stores.contract]', async () => {
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

    test('rows are listed from a number on, up to another, or so many', async () => {
      const store = make();
      const first = row(1);
      for (const n of [1, 2, 3, 5, 8]) await store.insert({ ...first, chunk_number: n });
      const numbers = async (rows: ReturnType<ChunkStore['listOf']>) => (await rows).map((found) => found.chunk_number);
      expect(await numbers(store.listFrom(first.session_id, 3))).toEqual([3, 5, 8]);
      expect(await numbers(store.listFrom(first.session_id, 2, 5))).toEqual([2, 3, 5]);
      expect(await numbers(store.listSome(first.session_id, 2, 3))).toEqual([2, 3, 5]);
      expect(await numbers(store.listSome(first.session_id, 4, 9))).toEqual([5, 8]);
    });

    test('a chunk from a number on waits if it is pending or leased', async () => {
      const store = make();
      const first = row(1, { state: 'done' });
      for (let n = 1; n <= 60; n++) await store.insert({ ...first, chunk_number: n });
      expect(await store.hasWaiting(first.session_id, 1)).toBe(false);
      await store.insert({ ...first, chunk_number: 61, state: 'leased' });
      expect(await store.hasWaiting(first.session_id, 1)).toBe(true);
      expect(await store.hasWaiting(first.session_id, 62)).toBe(false);
      await store.insert({ ...first, chunk_number: 70, state: 'pending' });
      expect(await store.hasWaiting(first.session_id, 62)).toBe(true);
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
      expect(first).not.toHaveProperty('model');
      expect(first).not.toHaveProperty('corrections_version');
      expect(second).toMatchObject({ ...requested, former: { state: 'dead', fence: 0, error_message: 'e' } });
      expect(second).not.toHaveProperty('error_message');
      expect(second).not.toHaveProperty('dead_shard');
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
