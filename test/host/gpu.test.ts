/** The pool: capacity, budget, manual control, several machines, and costs. */
import { GetFunctionConfigurationCommand, LambdaClient, UpdateFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import { DeleteCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterEach, expect, test } from 'vitest';
import * as z from 'zod';
import type { GpuIntervalRow } from '../../core/contracts/rows.ts';
import { poll } from '../../host/poll.ts';
import { ApiError, recordingClient } from '../../host/recording-client.ts';
import { clearFaults, injectFaults, lastExecution, runningExecution, statesOf, withDefinition } from './faults.ts';
import { checkInvariants } from './invariants.ts';
import {
  allStopped,
  atRest,
  db,
  host,
  instanceIds,
  instanceRows,
  machineStates,
  output,
  poolRow,
  reap,
  sampleChunks,
  settled,
  startAllowedFrom,
  uniqueCopy,
  userA,
} from './support.ts';

const admin = recordingClient(host.apiUrl, host.tokens.admin);
const [chunk] = sampleChunks();
if (chunk === undefined) throw new Error('the sample is too short');
const audio = chunk;

const Overview = z.object({
  queues: z.record(z.string(), z.number()),
  gpu: z.object({
    instances: z.array(
      z.object({
        instanceId: z.string(),
        state: z.string(),
        holders: z.array(z.object({ holder: z.string(), until: z.string() })),
      }),
    ),
    run: z.string().optional(),
    waitingFor: z.object({ reason: z.string(), until: z.string() }).optional(),
  }),
  cost: z.object({
    todayUsd: z.number(),
    todayGpuSeconds: z.number(),
    monthUsd: z.number(),
    dailyBudgetUsd: z.number(),
    usdPerHour: z.number(),
  }),
});
const overview = async () => Overview.parse(await (await admin.call('GET', '/api/overview')).json());
const Waiting = z.object({
  waitingFor: z.object({ reason: z.string(), until: z.string() }).optional(),
  chunks: z.array(z.object({ state: z.string(), attempts: z.number(), waitingFor: z.string().optional() })),
});
const waiting = async (id: string) => Waiting.parse(await (await userA.call('GET', `/api/sessions/${id}`)).json());

const reasonOf = (id: string) =>
  poll('the reason', 90, async () => {
    const session = await waiting(id);
    return session.waitingFor === undefined ? undefined : session;
  });

/** Creates a session with one chunk and waits for its run. */
async function oneChunk(): Promise<string> {
  const { id } = await userA.createSession();
  const { epoch } = await poolRow();
  await userA.upload(id, 1, uniqueCopy(audio));
  await poll('the run', 60, async () => (await runningExecution()) !== undefined || (await poolRow()).epoch > epoch);
  return id;
}

afterEach(async () => {
  clearFaults();
  await startAllowedFrom(0);
  await atRest();
  await checkInvariants();
});

/** Retries every second instead of every fifteen. */
const hastily = (definition: string): string => definition.replaceAll('"IntervalSeconds":15', '"IntervalSeconds":1');

test('without capacity for the preferred machine, the next machine of the pool does the work [gpu.pool]', async () => {
  injectFaults({ no_capacity: instanceIds.slice(0, 1) });
  await withDefinition(hastily, async () => {
    const id = await oneChunk();
    await userA.complete(id, 1);
    expect((await userA.awaitTranscript(id, 170)).status).toBe('completed');
    await atRest();
  });
  expect(await statesOf(await lastExecution())).toEqual(expect.arrayContaining(['NextMachine', 'Drain', 'ConfirmStopped']));
});

test('without any capacity, work stays pending with the reason and without a failed attempt, and is done once there is capacity [gpu.pool]', async () => {
  injectFaults({ no_capacity: instanceIds });
  const { id, seen } = await withDefinition(hastily, async () => {
    const session = await oneChunk();
    return { id: session, seen: await reasonOf(session) };
  });
  expect(seen).toMatchObject({
    waitingFor: { reason: 'capacity' },
    chunks: [{ state: 'pending', attempts: 0, waitingFor: 'capacity' }],
  });
  expect((await overview()).gpu.waitingFor?.reason).toBe('capacity');
  // Refused machines count as starting for some seconds, so the API first returns `busy`.
  const code = await poll(
    'the refusal',
    90,
    async () => {
      await reap();
      const refused = await admin.call('POST', '/api/gpu/start', {}).catch((error: ApiError) => error);
      return refused instanceof ApiError && refused.code !== 'busy' ? refused.code : undefined;
    },
    1000,
  );
  expect(code).toBe('no-capacity');
  clearFaults();
  await startAllowedFrom(0);
  await userA.complete(id, 1);
  expect((await userA.awaitTranscript(id, 120)).status).toBe('completed');
  expect((await waiting(id)).waitingFor).toBeUndefined();
});

test('with the daily budget spent, no machine is started for runs or admins, and work stays pending with the reason [gpu.budget]', async () => {
  const now = Date.now();
  const spent: GpuIntervalRow = {
    usage_id: 'gpu#i-elsewhere#1',
    day: `gpu#${new Date(now).toISOString().slice(0, 10)}`,
    at_ms: now - 1000,
    instance_id: 'i-elsewhere',
    instance_type: 'g4dn.xlarge',
    seen_at_ms: now,
    stopped_at_ms: now - 1,
  };
  // The local host's budget is too large to spend, so the budget is lowered.
  const usdPerHour = await withFunctionEnv('FleetControlName', { DAILY_BUDGET_USD: '0.0000001' }, async () => {
    await db.send(new PutCommand({ TableName: output('LedgerTable'), Item: spent }));
    const id = await oneChunk();
    const seen = await reasonOf(id);
    expect(seen).toMatchObject({ waitingFor: { reason: 'budget' }, chunks: [{ state: 'pending', attempts: 0 }] });
    expect(Date.parse(seen.waitingFor?.until ?? '') % 86_400_000).toBe(0);
    expect(await allStopped()).toBe(true);
    return id;
  });
  await db.send(new DeleteCommand({ TableName: output('LedgerTable'), Key: { usage_id: spent.usage_id } }));
  await startAllowedFrom(0);
  await userA.complete(usdPerHour, 1);
  expect((await userA.awaitTranscript(usdPerHour, 120)).status).toBe('completed');
});

test('a machine held by an admin keeps running without work and between runs; it stops when released [gpu.by-hand]', async () => {
  const answer = await admin.call('POST', '/api/gpu/start', { minutes: 5 });
  expect(answer.status).toBe(202);
  const held = z.object({ instanceId: z.string(), state: z.string(), heldUntil: z.string() }).parse(await answer.json());
  await poll('the running machine', 30, async () => (await machineStates()).includes('running'));

  const id = await oneChunk();
  await userA.complete(id, 1);
  expect((await userA.awaitTranscript(id, 60)).status).toBe('completed');
  await poll('the end of the run', 60, async () => (await poolRow()).serving === undefined);
  const { gpu, cost } = await overview();
  expect(gpu.instances.find(({ instanceId }) => instanceId === held.instanceId)).toMatchObject({
    state: 'running',
    holders: [{ holder: expect.stringMatching(/^person:/), until: held.heldUntil }],
  });
  expect(cost.todayUsd).toBeGreaterThan(0);

  const stopped = await admin.call('POST', '/api/gpu/stop', {});
  expect(await stopped.json()).toEqual({ stopped: [held.instanceId], kept: [] });
  await poll('the stopped machine', 30, allStopped);
});

test('manual GPU control and the overview require an admin', async () => {
  for (const [method, path] of [
    ['POST', '/api/gpu/start'],
    ['POST', '/api/gpu/stop'],
    ['GET', '/api/overview'],
  ] as const) {
    const refused = await userA.call(method, path, method === 'POST' ? {} : undefined).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ApiError);
    expect(refused).toMatchObject({ status: 403, code: 'forbidden' });
  }
  await expect(admin.call('POST', '/api/gpu/start', { minutes: 0 })).rejects.toMatchObject({ status: 422 });
  await expect(admin.call('POST', '/api/gpu/start', { hours: 1 })).rejects.toMatchObject({ status: 422 });
});

test('a large backlog uses several machines; each chunk is transcribed once, and all machines stop [gpu.pool]', async () => {
  await withFunctionEnv('FleetControlName', { BACKLOG_SECONDS_PER_MACHINE: '30' }, async () => {
    injectFaults({ pending_seconds: 3 });
    const chunks = sampleChunks(10);
    // A run plans by the backlog at its start, so starts are blocked until everything is uploaded.
    await startAllowedFrom(Date.now() + 600_000);
    const { id } = await userA.createSession({ live: true });
    for (const [i, piece] of chunks.entries()) await userA.upload(id, i + 1, piece);
    await userA.awaitChunks(id, 30, (session) => session.chunks.length === chunks.length);
    await startAllowedFrom(0);
    await userA.complete(id, chunks.length);
    await poll('both machines', 60, async () => (await instanceRows()).every(({ holders }) => Object.keys(holders).length > 0));
    const session = await userA.awaitChunks(id, 120, settled(chunks.length));
    expect(session.chunks.every(({ state, attempts }) => state === 'done' && attempts === 1)).toBe(true);
  });
});

test("a session's cost is its share of EC2's running time; a run needs few state transitions [gpu.cost]", async () => {
  const before = (await overview()).cost;
  const id = await oneChunk();
  await userA.complete(id, 1);
  await userA.awaitTranscript(id, 120);
  await atRest();
  await reap();
  const { cost } = await overview();
  const ran = cost.todayGpuSeconds - before.todayGpuSeconds;
  expect(ran).toBeGreaterThan(2);
  expect(cost.monthUsd).toBeGreaterThanOrEqual(cost.todayUsd);
  const answer = await userA.call('GET', `/api/sessions/${id}/cost`);
  const share = z.object({ gpuSeconds: z.number(), usd: z.number() }).parse(await answer.json());
  expect(Math.abs(share.gpuSeconds - ran)).toBeLessThan(2); // the only work on the machine; seconds are rounded
  expect(share.usd).toBeCloseTo((share.gpuSeconds * cost.usdPerHour) / 3600, 4);
  expect((await statesOf(await lastExecution())).length).toBeLessThanOrEqual(30);
});

async function withFunctionEnv<T>(name: string, env: Readonly<Record<string, string>>, run: () => Promise<T>): Promise<T> {
  const lambda = new LambdaClient();
  const FunctionName = output(name);
  const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  const before = Environment?.Variables ?? {};
  const put = (Variables: Record<string, string>) =>
    lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables } }));
  await put({ ...before, ...env });
  try {
    return await run();
  } finally {
    await put(before);
  }
}
