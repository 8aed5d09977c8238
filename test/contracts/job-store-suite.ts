/** The contract of job stores. It runs against memory here, and against DynamoDB in test/host. */
import { describe, expect, test } from 'vitest';
import { type JobRow, MAX_SHARING_JOBS } from '../../core/contracts/jobs.ts';
import type { JobStore } from '../../core/file-jobs/ports.ts';
import { jobRow as storedRow } from '../support/rows.ts';
import { fresh } from './fresh.ts';

const jobRow = (more: Partial<JobRow> = {}): JobRow => storedRow({ job_id: fresh('job_'), user_id: 'user', ...more });

export function jobStoreContract(name: string, make: () => JobStore): void {
  describe(`${name}: job store`, () => {
    test('of two creations of one id, one succeeds, and the created row can be read', async () => {
      const [store, row] = [make(), jobRow()];
      const made = await Promise.all([store.create(row), store.create(row)]);
      expect(made.filter(Boolean)).toHaveLength(1);
      expect(await store.get(row.job_id)).toEqual(row);
      expect(await store.get(fresh('job_'))).toBeUndefined();
    });

    test('of two changes of one version, one succeeds', async () => {
      const [store, row] = [make(), jobRow()];
      await store.create(row);
      const to = (progress: number): JobRow => ({ ...row, version: 2, progress });
      const done = await Promise.all([store.replace(row, to(1)), store.replace(row, to(2))]);
      expect(done.filter(Boolean)).toHaveLength(1);
      expect(await store.replace(row, to(3))).toBe(false);
    });

    test('a user lists only their own jobs, newest first, in pages, by state, without deleted ones', async () => {
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
      expect((await ids(1, undefined, 'failed')).cursor).toBeUndefined();
      await expect(store.listOf(user, 2, 'nonsense!')).rejects.toMatchObject({ code: 'malformed' });
    });

    test('pages are full while there are more jobs, even if the newest ones are deleted or in another state', async () => {
      const store = make();
      const user = fresh('user');
      const states = ['failed', 'failed', 'completed', 'deleted', 'completed', 'deleted', 'deleted'] as const;
      const rows = states.map((status, i) => jobRow({ user_id: user, created_at_ms: 1000 + i, status }));
      for (const row of rows) await store.create(row);
      const first = await store.listOf(user, 1);
      expect(first.items).toEqual([rows[4]]);
      expect((await store.listOf(user, 2, first.cursor)).items).toEqual([rows[2], rows[1]]);
      const failed = await store.listOf(user, 1, undefined, 'failed');
      expect(failed.items).toEqual([rows[1]]);
      expect(await store.listOf(user, 1, failed.cursor, 'failed')).toEqual({ items: [rows[0]] });
    });

    test('open jobs are counted, and due jobs are listed, the longest due first', async () => {
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

    test('an idempotency key returns the first job that was created with it, even for concurrent requests', async () => {
      const [store, key] = [make(), fresh('key')];
      const made = await Promise.all(['a', 'b'].map((jobId) => store.remember(key, { jobId, request: jobId }, 9e12)));
      expect(made[0]).toEqual(made[1]);
      expect(await store.remember(key, { jobId: 'c', request: 'c' }, 9e12)).toEqual(made[0]);
    });

    test('shared content has one owner, which is replaced only by name, and lists all jobs that share it', async () => {
      const [store, content] = [make(), fresh('content')];
      const [first] = await Promise.all([store.claimContent(content, 'a'), store.claimContent(content, 'b')]);
      expect(await store.claimContent(content, 'c')).toBe(first);
      expect(await store.claimContent(content, 'c', 'other')).toBe(first);
      expect(await store.claimContent(content, 'c', first)).toBe('c');
      expect((await store.jobsSharing(content)).sort()).toEqual(['a', 'b', 'c']);
      expect(await store.jobsSharing(fresh('content'))).toEqual([]);
    });

    test('the number of jobs that share content is limited, and further jobs do their own work', async () => {
      const [store, content] = [make(), fresh('content')];
      const ids = Array.from({ length: MAX_SHARING_JOBS }, (_, i) => `job-${i}`);
      await store.claimContent(content, 'job-0');
      await Promise.all(ids.map((id) => store.claimContent(content, id)));
      expect(await store.claimContent(content, 'late')).toBe('late');
      expect(await store.claimContent(content, 'job-7')).toBe('job-0');
      expect((await store.jobsSharing(content)).sort()).toEqual(ids.sort());
    });
  });
}
