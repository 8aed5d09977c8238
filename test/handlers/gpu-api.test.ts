import { expect, test } from 'vitest';
import { buildHandler } from '../../lambdas/gpu-api/handler.ts';
import { accessClaims, CLIENT_ID, invoke } from '../support/api-event.ts';
import { fleetWorld, INSTANCE } from '../support/fleet-world.ts';
import { jobWorld } from '../support/job-world.ts';
import { memoryLedger, memoryUsageCounter } from '../support/memory-stores.ts';
import { chunkRow } from '../support/rows.ts';

const ADMIN = accessClaims('ada', { 'cognito:groups': '[admin]' });

function world() {
  const w = fleetWorld();
  const ledger = memoryLedger();
  const { jobs, chunks } = jobWorld();
  const deps = {
    ...w.deps,
    chunks,
    jobs,
    usage: memoryUsageCounter(),
    ledger,
    usdPerHour: 0.5,
    budgetUsd: 2,
    liveDefault: true,
    queueLength: async () => 3,
  };
  const handler = buildHandler(deps, CLIENT_ID);
  const call = (route: string, body?: unknown, claims: Readonly<Record<string, string>> = ADMIN) =>
    invoke(handler, { route, claims, ...(body !== undefined && { body }) });
  return { ...w, ledger, chunks, call };
}

test('an admin starts a machine and holds it for an hour by default [gpu.by-hand]', async () => {
  const w = world();
  expect(await w.call('POST /api/gpu/start', {})).toMatchObject({
    status: 202,
    body: { instanceId: INSTANCE, state: 'pending', heldUntil: '1970-01-01T01:16:40.000Z' },
  });
  expect(w.machine()).toBe('running');
  expect(await w.call('POST /api/gpu/start', { minutes: 1 })).toMatchObject({ body: { heldUntil: '1970-01-01T00:17:40.000Z' } });
  expect(Object.keys((await w.store.readInstance(INSTANCE)).holders)).toEqual(['person:ada']);
});

test.each([{ minutes: 0 }, { minutes: 721 }, { minutes: 'long' }, { instanceId: 'i-1' }])(
  'starting with %o is refused',
  async (body) => {
    expect(await world().call('POST /api/gpu/start', body)).toMatchObject({ status: 422 });
  },
);

test('no capacity is 503 with Retry-After, a spent budget is 409 with the amount', async () => {
  const w = world();
  w.full.add(INSTANCE);
  expect(await w.call('POST /api/gpu/start', {})).toMatchObject({ status: 503, body: { code: 'no-capacity' } });
  await w.ledger.putInterval({
    usage_id: 'gpu#i-1#1',
    day: 'gpu#1970-01-01',
    at_ms: -5 * 3_600_000,
    instance_id: INSTANCE,
    instance_type: 'g4dn.xlarge',
    seen_at_ms: 0,
  });
  w.pass(5 * 3_600_000);
  const refused = await w.call('POST /api/gpu/start', {});
  expect(refused).toMatchObject({ status: 409, body: { code: 'budget-reached', detail: expect.stringContaining('2 USD') } });
});

test("stop releases the caller's hold; with force it stops all machines", async () => {
  const w = world();
  await w.call('POST /api/gpu/start', {});
  expect(await w.call('POST /api/gpu/stop', {}, accessClaims('bob', { 'cognito:groups': '[admin]' }))).toMatchObject({
    body: { stopped: [], kept: [INSTANCE] },
  });
  expect(await w.call('POST /api/gpu/stop', { force: true })).toMatchObject({ body: { stopped: [INSTANCE], kept: [] } });
  expect(w.machine()).toBe('stopped');
  expect(await w.call('POST /api/gpu/start', {})).toMatchObject({ status: 503, body: { code: 'busy' } }); // being stopped
});

test('the overview contains machines, holders, queues and costs [files.numbers]', async () => {
  const w = world();
  await w.call('POST /api/gpu/start', {});
  expect(await w.call('GET /api/overview')).toMatchObject({
    status: 200,
    body: {
      queues: { live: 3, stop: 3 },
      oldestSeconds: {},
      files: { completed: 0, failed: 0, successRate: null, secondsPerAudioMinute: null },
      stuckJobs: [],
      gpu: {
        instances: [{ instanceId: INSTANCE, state: 'running', holders: [{ holder: 'person:ada' }] }],
        failedRuns: 0,
      },
      cost: { todayUsd: 0, monthUsd: 0, dailyBudgetUsd: 2, usdPerHour: 0.5 },
    },
  });
});

test('pending work is counted by sessions and chunks; permanently failed chunks are listed with their reason, newest first [pages.operator]', async () => {
  const w = world();
  for (const n of [1, 2]) w.chunks.put(chunkRow(n));
  const dead = {
    state: 'dead',
    dead_shard: 'dead',
    pending_shard: undefined,
    attempts: 3,
    error_message: 'unsupported-media',
  } as const;
  w.chunks.put(chunkRow(3, { ...dead, uploaded_at_ms: 1000 }));
  w.chunks.put(chunkRow(4, { ...dead, uploaded_at_ms: 2000 }));
  expect((await w.call('GET /api/overview')).body).toMatchObject({ pending: { sessions: 1, chunks: 2 } });
  const { dead: listed } = (await w.call('GET /api/overview/dead-chunks')).body;
  expect(listed.map(({ chunkNumber }: { chunkNumber: number }) => chunkNumber)).toEqual([4, 3]);
  expect(listed[1]).toMatchObject({ error: 'unsupported-media', attempts: 3, uploadedAt: '1970-01-01T00:00:01.000Z' });
});
