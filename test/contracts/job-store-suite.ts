/** What every store of file jobs must do: run against memory here, against DynamoDB in test/host. */
import { describe, expect, test } from 'vitest';
import type { JobRow } from '../../core/contracts/jobs.ts';
import type { JobStore } from '../../core/file-jobs/ports.ts';

let counter = 0;
const fresh = (prefix: string): string => `${prefix}${process.pid}_${Date.now()}_${++counter}`;
const jobRow = (more: Partial<JobRow> = {}): JobRow => ({
  job_id: fresh('job_'),
  version: 1,
  user_id: 'user',
  status: 'pending',
  filename: 'a.mp3',
  content_type: 'audio/mpeg',
  size_bytes: 1,
  object_key: 'users/user/files/x/source.mp3',
  priority: 'normal',
  created_at_ms: 1000,
  progress: 0,
  stage: 'Queued',
  round: 0,
  moved_at_ms: 0,
  moved_to: '',
  resumes: 0,
  ...more,
});

export function jobStoreContract(name: string, make: () => JobStore): void {
  describe(`${name}: job store`, () => {
    test('of two creations of one id, one happens; what was created reads back', async () => {
      const [store, row] = [make(), jobRow()];
      const made = await Promise.all([store.create(row), store.create(row)]);
      expect(made.filter(Boolean)).toHaveLength(1);
      expect(await store.get(row.job_id)).toEqual(row);
      expect(await store.get(fresh('job_'))).toBeUndefined();
    });

    test('of two changes of one version, one happens', async () => {
      const [store, row] = [make(), jobRow()];
      await store.create(row);
      const to = (progress: number): JobRow => ({ ...row, version: 2, progress });
      const done = await Promise.all([store.replace(row, to(1)), store.replace(row, to(2))]);
      expect(done.filter(Boolean)).toHaveLength(1);
      expect(await store.replace(row, to(3))).toBe(false);
    });

    test('a user sees their own jobs, newest first, page by page, by state, and none that are deleted', async () => {
      const store = make();
      const user = fresh('user');
      const rows = ['completed', 'deleted', 'failed', 'completed'].map((status, i) =>
        jobRow({ user_id: user, created_at_ms: 1000 + i, status: status as JobRow['status'] }),
      );
      for (const row of rows) await store.create(row);
      const ids = async (limit: number, cursor?: string, status?: 'failed') => {
        const page = await store.listOf(user, limit, cursor, status);
        return { ids: page.items.map(({ job_id }) => job_id), cursor: page.cursor };
      };
      expect((await ids(10)).ids).toEqual([rows[3]?.job_id, rows[2]?.job_id, rows[0]?.job_id]);
      expect((await ids(10, undefined, 'failed')).ids).toEqual([rows[2]?.job_id]);
      const first = await ids(2);
      expect(first.ids).toEqual([rows[3]?.job_id, rows[2]?.job_id]);
      expect((await ids(2, first.cursor)).ids).toEqual([rows[0]?.job_id]);
      await expect(store.listOf(user, 2, 'nonsense!')).rejects.toMatchObject({ code: 'malformed' });
    });

    test('open jobs are counted, due ones are found, the longest due first', async () => {
      const store = make();
      const user = fresh('user');
      const due = (at: number, more: Partial<JobRow> = {}): JobRow => jobRow({ due_shard: 'due', due_at_ms: at, ...more });
      const rows = [due(30, { open_of: user }), due(10, { open_of: user }), due(9_000_000_000_000), jobRow()];
      for (const row of rows) await store.create(row);
      expect(await store.countOpen(user)).toBe(2);
      const mine = new Set(rows.map(({ job_id }) => job_id));
      const found = (await store.listDue(100, 100)).map(({ job_id }) => job_id).filter((id) => mine.has(id));
      expect(found).toEqual([rows[1]?.job_id, rows[0]?.job_id]);
    });

    test('a key remembers what it made first, also of two at a time', async () => {
      const [store, key] = [make(), fresh('key')];
      const made = await Promise.all(['a', 'b'].map((jobId) => store.remember(key, { jobId, request: jobId }, 9e12)));
      expect(made[0]).toEqual(made[1]);
      expect(await store.remember(key, { jobId: 'c', request: 'c' }, 9e12)).toEqual(made[0]);
    });

    test('a content has one owner, who is followed by another only on purpose, and remembers who asked', async () => {
      const [store, content] = [make(), fresh('content')];
      const [first] = await Promise.all([store.claimContent(content, 'a'), store.claimContent(content, 'b')]);
      expect(await store.claimContent(content, 'c')).toBe(first);
      expect(await store.claimContent(content, 'c', 'nobody')).toBe(first);
      expect(await store.claimContent(content, 'c', first)).toBe('c');
      expect((await store.askersOf(content)).sort()).toEqual(['a', 'b', 'c']);
      expect(await store.askersOf(fresh('content'))).toEqual([]);
    });
  });
}
