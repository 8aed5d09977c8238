import { expect, test } from 'vitest';
import { buildHandler } from '../../lambdas/batch-api/handler.ts';
import { buildHandler as buildRunner } from '../../lambdas/batch-runner/handler.ts';
import { accessClaims, type Call, CLIENT_ID, invoke } from '../support/api-event.ts';
import { batchWorld } from '../support/batch-world.ts';
import { context } from '../support/containment.ts';
import { memoryUsageCounter } from '../support/memory-stores.ts';
import { sessionRow } from '../support/rows.ts';

const ADMIN = accessClaims('ada', { 'cognito:groups': '[admin]' });
const MINUTE = 60_000;

function world() {
  const w = batchWorld();
  const kicks = { count: 0, fail: false };
  const kick = async (): Promise<void> => {
    kicks.count += 1;
    if (kicks.fail) throw new Error('no function');
  };
  const handler = buildHandler({ ...w.deps, usage: memoryUsageCounter(), canMail: true, kick }, CLIENT_ID);
  const call = (route: string, more: Partial<Call> = {}) => invoke(handler, { route, claims: accessClaims('user-a'), ...more });
  const admin = (route: string, more: Partial<Call> = {}) => call(route, { claims: ADMIN, ...more });
  const lock = (sessionId: string, user = 'user-a') =>
    call('POST /api/batch/lock', { body: { sessionId }, claims: accessClaims(user) });
  const runner = buildRunner(w.deps);
  return { ...w, kicks, call, admin, lock, runner: (event?: unknown) => runner(event, context) };
}

test('a recorder locks, renews and unlocks, also a session that does not exist yet; unlocking twice is allowed [batch.lock]', async () => {
  const w = world();
  expect((await w.lock('session_new')).body).toEqual({
    locked: true,
    userId: 'user-a',
    sessionId: 'session_new',
    timestamp: '2026-03-05T14:00:20.000Z',
    expiresAt: '2026-03-05T14:30:20.000Z',
  });
  w.pass(MINUTE);
  expect((await w.lock('session_new')).body).toMatchObject({ expiresAt: '2026-03-05T14:31:20.000Z' });
  await w.lock('session_other');
  const unlock = (body?: unknown) => w.call('POST /api/batch/unlock', { body: body ?? {} });
  expect((await unlock({ sessionId: 'session_other' })).body).toEqual({ locked: false, released: 1 });
  expect((await unlock()).body).toEqual({ locked: false, released: 1 });
  expect((await unlock()).body).toEqual({ locked: false, released: 0 });
  expect((await w.call('GET /api/batch/lock-status')).body).toEqual({ locked: false, sessions: 0, locks: [] });
});

test("locking another user's session, a deleted session or an invalid id is refused; a flood of locks is limited", async () => {
  const w = world();
  await w.sessions.create(sessionRow({ session_id: 'session_b', user_id: 'user-b' }));
  await w.sessions.create(sessionRow({ session_id: 'session_gone', user_id: 'user-a', state: 'deleted' }));
  expect(await w.lock('session_b')).toMatchObject({ status: 403 });
  expect(await w.lock('session_gone')).toMatchObject({ status: 410 });
  expect(await w.lock('../x')).toMatchObject({ status: 422 });
  expect(await w.call('POST /api/batch/lock', { body: { sessionId: 'session_a', userId: 'user-b' } })).toMatchObject({
    status: 422,
  });
  const answers = [];
  for (let n = 0; n < 121; n += 1) answers.push((await w.lock('session_a')).status);
  expect(answers.at(-1)).toBe(429);
  expect((await w.lock('session_b', 'user-b')).status).toBe(200);
});

test('a renewal in flight at Stop does not restore the lock', async () => {
  const w = world();
  const recording = sessionRow({ session_id: 'session_a', user_id: 'user-a' });
  await w.sessions.create(recording);
  const { get } = w.sessions;
  let asked = 0;
  w.sessions.get = async (id) => {
    asked += 1;
    if (asked === 2) await w.sessions.complete(id, 1, 1); // Stop, between the first check and the lock
    return get(id);
  };
  expect(await w.lock('session_a')).toMatchObject({ status: 409, body: { code: 'not-recording' } });
  expect((await w.call('GET /api/batch/lock-status')).body).toMatchObject({ locked: false });
  expect(await w.lock('session_a')).toMatchObject({ status: 409 });
});

test('an admin releases the lock of any user; an unknown lock is not found', async () => {
  const w = world();
  await w.lock('session_b', 'user-b');
  expect(await w.admin('DELETE /api/batch/locks/{id}', { id: 'session_b' })).toMatchObject({ status: 204 });
  expect(await w.admin('DELETE /api/batch/locks/{id}', { id: 'session_b' })).toMatchObject({ status: 404 });
});

test('a manual run starts at once, joins an active run, and is refused during a recording; a dry run is never refused [batch.once]', async () => {
  const w = world();
  w.add('session_a', 1);
  await w.lock('session_x');
  expect(await w.admin('POST /api/batch/runs', { body: {} })).toMatchObject({ status: 409, body: { code: 'session-active' } });
  expect(await w.admin('POST /api/batch/runs', { body: { dryRun: true } })).toMatchObject({
    status: 202,
    body: { dryRun: true },
  });
  await w.call('POST /api/batch/unlock', { body: {} });
  const begun = await w.admin('POST /api/batch/runs', { body: {} });
  expect(begun).toMatchObject({ status: 202, body: { trigger: 'manual', state: 'scanning' } });
  expect((await w.admin('POST /api/batch/runs', { body: {} })).body).toMatchObject({ id: begun.body.id });
  expect(w.kicks.count).toBe(3);
  w.kicks.fail = true;
  expect((await w.admin('POST /api/batch/runs', { body: {} })).status).toBe(202);
  await w.tick();
  expect((await w.admin('GET /api/batch/runs/{id}', { id: begun.body.id })).body).toMatchObject({
    state: 'working',
    scan: { totalMissingChunks: 1, full: true },
  });
  await w.machineRuns(5);
  await w.work();
  await w.tick();
  const { body } = await w.admin('GET /api/batch/runs/{id}', { id: begun.body.id });
  expect(body).toMatchObject({ state: 'finished', status: 'success', report: { name: begun.body.id } });
  const [newest] = (await w.admin('GET /api/batch/reports')).body.reports;
  expect(newest).toEqual({
    name: begun.body.id,
    timestamp: '2026-03-05T14:00:20.000Z',
    status: 'success',
    totalMissingChunks: 1,
  });
  for (const id of [begun.body.id, `${begun.body.id}.json`])
    expect((await w.admin('GET /api/batch/reports/{id}', { id })).body).toEqual(body.report);
  for (const id of ['batch-2020-01-01-0000', '../secrets', 'pending-jobs.json'])
    expect(await w.admin('GET /api/batch/reports/{id}', { id })).toMatchObject({ status: 404 });
  expect(await w.admin('GET /api/batch/runs/{id}', { id: 'batch-x' })).toMatchObject({ status: 404 });
});

test('runs are listed newest first, in pages', async () => {
  const w = world();
  for (let n = 0; n < 3; n += 1) {
    await w.begin({ trigger: 'manual' });
    await w.tick();
    w.pass(MINUTE);
  }
  const first = await w.admin('GET /api/batch/runs', { query: { limit: '2' } });
  const second = await w.admin('GET /api/batch/runs', { query: { limit: '2', cursor: first.body.cursor } });
  const ids = [...first.body.runs, ...second.body.runs].map(({ id }: { id: string }) => id);
  expect(ids).toEqual(['batch-2026-03-05-1402', 'batch-2026-03-05-1401', 'batch-2026-03-05-1400']);
  expect(second.body.cursor).toBeUndefined();
  expect(await w.admin('GET /api/batch/runs', { query: { cursor: 'nonsense' } })).toMatchObject({ status: 422 });
});

test('a user sees only their own pending chunks, an admin all', async () => {
  const w = world();
  expect((await w.call('GET /api/batch/pending')).body).toMatchObject({ pending: [] });
  w.add('session_a', 1);
  w.add('session_b', 1, { user_id: 'user-b' });
  await w.begin({ trigger: 'manual', dryRun: true });
  await w.tick();
  const mine = await w.call('GET /api/batch/pending');
  expect(mine.body).toMatchObject({ totalMissingChunks: 1, pending: [{ sessionId: 'session_a', chunkNumber: 1 }] });
  expect(JSON.stringify(mine.body)).not.toContain('user-b');
  expect((await w.admin('GET /api/batch/pending')).body.pending).toHaveLength(2);
});

test('mail is opt-in, and only available if the stage sends mail [batch.mail]', async () => {
  const w = world();
  expect((await w.call('GET /api/notifications')).body).toEqual({ sessionCompleted: false, fileCompleted: false });
  expect((await w.call('PUT /api/notifications', { body: { sessionCompleted: true } })).status).toBe(200);
  expect((await w.call('GET /api/notifications')).body).toEqual({ sessionCompleted: true, fileCompleted: false });
  expect((await w.call('GET /api/notifications', { claims: accessClaims('user-b') })).body).toEqual({
    sessionCompleted: false,
    fileCompleted: false,
  });
  const silent = buildHandler({ ...w.deps, usage: memoryUsageCounter(), canMail: false, kick: async () => undefined }, CLIENT_ID);
  const put = (sessionCompleted: boolean) =>
    invoke(silent, { route: 'PUT /api/notifications', claims: accessClaims('user-a'), body: { sessionCompleted } });
  expect(await put(true)).toMatchObject({ status: 422 });
  expect(await put(false)).toMatchObject({ status: 200 });
});

test('a paused schedule starts no run, and resumes without a deployment', async () => {
  const w = world();
  const fire = () => w.runner({ start: 'scheduled', scheduledTime: '2026-03-05T14:00:00Z' });
  expect((await w.admin('PUT /api/batch/schedule', { body: { enabled: false } })).body).toEqual({ enabled: false });
  await fire();
  expect((await w.admin('GET /api/batch/runs')).body).toMatchObject({ runs: [], paused: true });
  await w.admin('PUT /api/batch/schedule', { body: { enabled: true } });
  await Promise.all([fire(), fire()]);
  expect((await w.admin('GET /api/batch/runs')).body).toMatchObject({
    runs: [{ id: 'batch-2026-03-05-1400', status: 'skipped' }],
  });
  await w.runner();
});
