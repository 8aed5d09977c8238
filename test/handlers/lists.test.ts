/** Filtered lists: every page but the last is full, and the pages together contain each row once. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JobRow } from '../../core/contracts/jobs.ts';
import type { SessionRow } from '../../core/contracts/rows.ts';
import { dynamoJobStore } from '../../lambdas/adapters/dynamo-job-store.ts';
import { dynamoSessionStore } from '../../lambdas/adapters/dynamo-session-store.ts';
import { dynamoWebhookStore } from '../../lambdas/adapters/dynamo-webhook-store.ts';
import { buildHandler as buildBatch } from '../../lambdas/batch-api/handler.ts';
import { accessClaims, CLIENT_ID, invoke } from '../support/api-event.ts';
import { batchWorld } from '../support/batch-world.ts';
import { memoryUsageCounter } from '../support/memory-stores.ts';
import { deliveryRow, jobRow, sessionRow, USER } from '../support/rows.ts';
import { smallTable } from '../support/small-table.ts';

type List = (limit: number, cursor?: string) => Promise<{ readonly items: readonly unknown[]; readonly cursor?: string }>;

/** Reads all pages; every one but the last must be full. */
async function pagesOf(list: List, limit: number): Promise<unknown[]> {
  const all: unknown[] = [];
  let cursor: string | undefined;
  do {
    const page = await list(limit, cursor);
    all.push(...page.items);
    if (page.cursor !== undefined) expect(page.items).toHaveLength(limit);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return all;
}

const sessions = (states: readonly SessionRow['state'][]): SessionRow[] =>
  states.map((state, i) => sessionRow({ session_id: `session_${i}`, created_at_ms: 1e6 - i, state }));
const jobs = (states: readonly JobRow['status'][]): JobRow[] =>
  states.map((status, i) => jobRow({ job_id: `job_${i}`, user_id: USER, created_at_ms: 1e6 - i, status }));
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

test('if the newest 55 recordings are deleted, the first page has the remaining ones [api.lists]', async () => {
  const rows = sessions([...times(55, 'deleted' as const), ...times(3, 'completed' as const)]);
  const { db, counts } = smallTable(rows, ['user_id', 'session_id', 'created_at_ms']);
  expect(await dynamoSessionStore(db, 't').listOf(USER, 50)).toEqual({ items: rows.slice(55) });
  expect(counts.queries).toBeLessThanOrEqual(2);
});

test('if the newest 55 files are deleted or in another state, the first page has the remaining ones [api.lists]', async () => {
  const rows = jobs([...times(55, 'deleted' as const), ...times(55, 'completed' as const), 'failed']);
  const { db } = smallTable(rows, ['user_id', 'job_id', 'created_at_ms']);
  expect((await dynamoJobStore(db, 't').listOf(USER, 2)).items).toEqual(rows.slice(55, 57));
  expect(await dynamoJobStore(db, 't').listOf(USER, 50, undefined, 'failed')).toEqual({ items: rows.slice(110) });
});

test('a list without gaps is read with one query and no surplus rows', async () => {
  const { db, counts } = smallTable(sessions(times(500, 'completed')), ['user_id', 'session_id', 'created_at_ms']);
  await dynamoSessionStore(db, 't').listOf(USER, 50);
  expect(counts).toEqual({ queries: 1, rows: 51 });
});

test('a list with almost only deleted recordings makes a bounded number of queries per page, and can be continued [api.lists]', async () => {
  const rows = sessions([...times(60_000, 'deleted' as const), 'completed']);
  const { db, counts } = smallTable(rows, ['user_id', 'session_id', 'created_at_ms']);
  const first = await dynamoSessionStore(db, 't').listOf(USER, 50);
  expect(first).toEqual({ items: [], cursor: expect.any(String) });
  expect(counts.queries).toBeLessThanOrEqual(30);
  let page = first;
  while (page.cursor !== undefined) page = await dynamoSessionStore(db, 't').listOf(USER, 50, page.cursor);
  expect(page.items).toEqual(rows.slice(-1));
});

const asStates = fc.array(fc.boolean(), { maxLength: 150 });
test.each([
  // Small DynamoDB pages need few rows, because the number of queries per call is limited.
  [1, 25],
  [3, 75],
  [40, 150],
])(
  'the pages of a list are full and contain each row once in order, with %d rows per DynamoDB page [api.lists]',
  async (perPage, most) => {
    const lists = fc.asyncProperty(asStates, fc.integer({ min: 1, max: 60 }), async (areDeleted, limit) => {
      const isDeleted = areDeleted.slice(0, most);
      const mySessions = sessions(isDeleted.map((is) => (is ? 'deleted' : 'completed')));
      const myJobs = jobs(isDeleted.map((is) => (is ? 'deleted' : 'failed')));
      const sessionTable = smallTable(mySessions, ['user_id', 'session_id', 'created_at_ms'], perPage);
      const jobTable = smallTable(myJobs, ['user_id', 'job_id', 'created_at_ms'], perPage);
      const sessionList: List = (n, cursor) => dynamoSessionStore(sessionTable.db, 't').listOf(USER, n, cursor);
      const jobList: List = (n, cursor) => dynamoJobStore(jobTable.db, 't').listOf(USER, n, cursor);
      expect(await pagesOf(sessionList, limit)).toEqual(mySessions.filter(({ state }) => state !== 'deleted'));
      expect(await pagesOf(jobList, limit)).toEqual(myJobs.filter(({ status }) => status !== 'deleted'));
    });
    await fc.assert(lists, { numRuns: 200 });
  },
);

test.each(['{}', '{"session_id":"","created_at_ms":1}', '{"session_id":"s","created_at_ms":1e300}', '[]', 'null', ''])(
  'the cursor %s is refused before DynamoDB is called [api.lists]',
  async (text) => {
    const { db, counts } = smallTable([], []);
    const cursor = Buffer.from(text).toString('base64url');
    await expect(dynamoSessionStore(db, 't').listOf(USER, 2, cursor)).rejects.toMatchObject({ code: 'malformed' });
    await expect(dynamoJobStore(db, 't').listOf(USER, 2, cursor)).rejects.toMatchObject({ code: 'malformed' });
    expect(counts.queries).toBe(0);
  },
);

test('deliveries from several DynamoDB pages form one page', async () => {
  const rows = Array.from({ length: 9 }, (_, i) => deliveryRow(9 - i));
  const { db } = smallTable(rows, ['user_id', 'id'], 2);
  expect(await dynamoWebhookStore(db, 't').listOf(USER, 5)).toEqual(rows.slice(0, 5));
  expect(await dynamoWebhookStore(db, 't').listOf(USER, 5, rows[4]?.id)).toEqual(rows.slice(5));
});

const ADMIN = accessClaims('ada', { 'cognito:groups': '[admin]' });
async function batchLists(dryRuns: number) {
  const w = batchWorld();
  const run = async (dryRun: boolean): Promise<void> => {
    await w.begin({ trigger: 'manual', dryRun });
    await w.tick();
    w.pass(60_000);
  };
  await run(false);
  await run(false);
  for (let n = 0; n < dryRuns; n++) await run(true);
  const handler = buildBatch({ ...w.deps, usage: memoryUsageCounter(), canMail: false, kick: async () => undefined }, CLIENT_ID);
  return async (route: string, query: Readonly<Record<string, string>>) =>
    (await invoke(handler, { route, query, claims: ADMIN })).body;
}

test('the first page of reports skips newer dry runs [api.lists]', async () => {
  const list = await batchLists(55);
  const first = await list('GET /api/batch/reports', { limit: '1' });
  expect(first.reports.map(({ name }: { name: string }) => name)).toEqual(['batch-2026-03-05-1401']);
  const second = await list('GET /api/batch/reports', { limit: '1', cursor: first.cursor });
  expect(second.reports.map(({ name }: { name: string }) => name)).toEqual(['batch-2026-03-05-1400']);
  expect(second.cursor).toBeUndefined();
});

test('a page that ends with the oldest run has no cursor', async () => {
  const list = await batchLists(1);
  for (const route of ['GET /api/batch/runs', 'GET /api/batch/reports'])
    expect((await list(route, { limit: route.endsWith('runs') ? '3' : '2' })).cursor, route).toBeUndefined();
  expect((await list('GET /api/batch/runs', { limit: '2' })).cursor).toBe('batch-2026-03-05-1401');
});
