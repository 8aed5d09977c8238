/** The contract of the store of sessions. It runs against memory, and against DynamoDB in test/host. */
import { describe, expect, test } from 'vitest';
import type { SessionStore } from '../../core/sessions/ports.ts';
import { sessionRow } from '../support/rows.ts';
import { fresh } from './fresh.ts';

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

    test('each change of the text gets a new revision; parts are settled in order, and taken back only downwards', async () => {
      const store = make();
      const { session_id } = sessionRow({ session_id: fresh('session_') });
      await store.create(sessionRow({ session_id }));
      await Promise.all([store.noteTextChanged(session_id), store.noteTextChanged(session_id)]);
      expect((await store.get(session_id))?.text_revision).toBe(2);
      const settled = async () => (await store.get(session_id))?.settled_chunks;
      expect(await store.settle(session_id, 8, 16)).toBe(false);
      expect(await store.settle(session_id, 0, 8)).toBe(true);
      expect(await store.settle(session_id, 0, 8)).toBe(false);
      expect(await store.settle(session_id, 8, 16)).toBe(true);
      await store.unsettle(session_id, 24);
      expect(await settled()).toBe(16);
      await store.unsettle(session_id, 0);
      expect(await settled()).toBe(0);
      expect(await store.settle(session_id, 0, 8)).toBe(true);
      expect(await store.noteTextChanged(fresh('session_'))).toBe(false);
    });

    test('a written transcript is recorded in the session row', async () => {
      const store = make();
      const row = sessionRow({ session_id: fresh('session_') });
      await store.create(row);
      await store.complete(row.session_id, 1, 2);
      await store.recordTranscript(row.session_id, { status: 'partial', madeOf: 'hash', writtenAtMs: 4, retranscription: 2 });
      await store.recordTranscript(row.session_id, { status: 'partial', madeOf: 'hash', writtenAtMs: 5 });
      expect(await store.get(row.session_id)).toMatchObject({
        transcript_status: 'partial',
        transcript_of: 'hash',
        transcript_written_at_ms: 5,
        transcript_retranscription: 2,
      });
    });

    test('of two concurrent resumptions of a completed session one succeeds; its transcript is void until the recording completes again', async () => {
      const store = make();
      const row = sessionRow({ session_id: fresh('session_') });
      const { session_id } = row;
      await store.create(row);
      expect(await store.resume(row, { by: 'first', dueAtMs: 7 })).toBe(false); // it is still recording
      await store.complete(session_id, 3, 2000);
      const written = { status: 'completed', madeOf: 'old', writtenAtMs: 1 } as const;
      expect(await store.recordTranscript(session_id, written)).toBe(true);
      const resumed = await Promise.all(['first', 'second'].map((by) => store.resume(row, { by, dueAtMs: 7 })));
      expect(resumed.sort()).toEqual([false, true]);
      const now = await store.get(session_id);
      expect(now).toMatchObject({ state: 'recording', chunk_count: 3, resumptions: 1, due_shard: 'due', due_at_ms: 7 });
      for (const name of ['completed_at_ms', 'transcript_of', 'transcript_status']) expect(now).not.toHaveProperty(name);
      // An assembly that read the session before must not give the growing text a final transcript, not even after Stop.
      expect(await store.recordTranscript(session_id, written)).toBe(false);
      await store.complete(session_id, 4, 3000);
      expect(await store.recordTranscript(session_id, written)).toBe(false);
      expect(await store.recordTranscript(session_id, { ...written, resumptions: 1 })).toBe(true);
      expect(await store.get(session_id)).toMatchObject({ completed_at_ms: 3000, chunk_count: 4, transcript_of: 'old' });
    });

    test('a session that is transcribed again since it was read does not record again', async () => {
      const store = make();
      const row = sessionRow({ session_id: fresh('session_') });
      await store.create(row);
      await store.complete(row.session_id, 1, 2);
      const read = await store.get(row.session_id);
      if (read === undefined) throw new Error('the session is gone');
      await store.retranscribe(read, { language: undefined, model: 'small', nowMs: 5, dueAtMs: 6 });
      expect(await store.resume(read, { by: 'a', dueAtMs: 7 })).toBe(false);
      const now = await store.get(row.session_id);
      expect(now !== undefined && (await store.resume(now, { by: 'a', dueAtMs: 7 }))).toBe(true);
    });

    test('a title is changed and removed, but not after the deletion', async () => {
      const store = make();
      const row = sessionRow({ session_id: fresh('session_'), title: 'Tuesday' });
      await store.create(row);
      expect(await store.rename(row.session_id, 'Wednesday')).toBe(true);
      expect(await store.get(row.session_id)).toMatchObject({ title: 'Wednesday' });
      expect(await store.rename(row.session_id, undefined)).toBe(true);
      expect(await store.get(row.session_id)).not.toHaveProperty('title');
      await store.markDeleted(row, 5_000, 9_000);
      expect(await store.rename(row.session_id, 'Secret')).toBe(false);
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
