import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { GpuIntervalRow, UsageRow } from '../../core/contracts/rows.ts';
import { machinesFor, waitingSeconds } from '../../core/fleet/machines-wanted.ts';
import type { Machine } from '../../core/fleet/ports.ts';
import { costsOfMonth } from '../../core/ledger/costs.ts';
import { gpuDay, observe, runningTimes, secondsOf, splitBySession, usageDay } from '../../core/ledger/gpu-time.ts';
import { costOfSession, costThisMonth, costToday, recordGpuTime } from '../../core/ledger/ledger-service.ts';
import { memoryLedger } from '../support/memory-stores.ts';
import { chunkRow, SESSION, USER } from '../support/rows.ts';

const HOUR = 3_600_000;
const NOON = Date.UTC(2026, 10, 21, 12);
const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

const interval = (id: string, startMs: number, endMs?: number): GpuIntervalRow => ({
  usage_id: `gpu#${id}#${startMs}`,
  day: gpuDay(day(startMs)),
  at_ms: startMs,
  instance_id: id,
  instance_type: 'g4dn.xlarge',
  seen_at_ms: endMs ?? startMs,
  ...(endMs !== undefined && { stopped_at_ms: endMs }),
});
const usage = (session: string, n: number, atMs: number, audio: number, id = 'i-1'): UsageRow => ({
  usage_id: `${session}#${n}#1`,
  day: usageDay(day(atMs)),
  at_ms: atMs,
  user_id: USER,
  session_id: session,
  chunk_number: n,
  audio_seconds: audio,
  instance_id: id,
});

test('a launch is recorded while the machine runs, closed once, and never reopened', () => {
  const up: Machine = { instanceId: 'i-1', state: 'running', launchedAtMs: NOON, instanceType: 'g4dn.xlarge' };
  const first = observe(up, undefined, NOON + 1000);
  expect(first).toMatchObject({ usage_id: `gpu#i-1#${NOON}`, at_ms: NOON, seen_at_ms: NOON + 1000 });
  expect(first).not.toHaveProperty('stopped_at_ms');
  const closed = observe({ ...up, state: 'stopped', stoppedAtMs: NOON + 5000 }, first, NOON + 60_000);
  expect(closed).toMatchObject({ stopped_at_ms: NOON + 5000 });
  expect(observe({ ...up, state: 'stopped' }, closed, NOON + 120_000)).toBeUndefined();
});

test('a launch that ended before it was observed is recorded from the times that EC2 reports [gpu.cost]', () => {
  const down: Machine = { instanceId: 'i-1', state: 'stopped', launchedAtMs: NOON, stoppedAtMs: NOON + 20_000 };
  expect(observe(down, undefined, NOON + 60_000)).toMatchObject({ at_ms: NOON, stopped_at_ms: NOON + 20_000 });
  expect(observe({ ...down, stoppedAtMs: undefined }, undefined, NOON)).toBeUndefined();
});

test('the running time is a union per machine: overlapping rows count once [gpu.cost]', () => {
  const rows = [interval('i-1', 0, 10_000), interval('i-1', 5_000, 15_000), interval('i-2', 0, 10_000)];
  expect(secondsOf(runningTimes(rows, 0, HOUR))).toBe(25);
  expect(secondsOf(runningTimes(rows, 8_000, 12_000))).toBe(6);
});

const times = fc.array(
  fc.record({ id: fc.constantFrom('i-1', 'i-2'), start: fc.nat(5000), length: fc.nat(3000), open: fc.boolean() }),
  { maxLength: 12 },
);

test('the union never exceeds the window, and duplicates do not change it', () => {
  fc.assert(
    fc.property(times, fc.nat(6000), fc.nat(6000), (list, a, b) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const rows = list.map(({ id, start, length, open }) => interval(id, start, open ? undefined : start + length));
      const union = secondsOf(runningTimes(rows, from, to));
      expect(union).toBeLessThanOrEqual((2 * (to - from)) / 1000 + 1e-9);
      expect(secondsOf(runningTimes([...rows, ...rows], from, to))).toBeCloseTo(union, 9);
      for (let ms = from; ms < to; ms += Math.max(1, Math.floor((to - from) / 7))) {
        const halves = secondsOf(runningTimes(rows, from, ms)) + secondsOf(runningTimes(rows, ms, to));
        const stillOpen = rows.some((row) => row.stopped_at_ms === undefined);
        if (!stillOpen) expect(halves).toBeCloseTo(union, 6);
      }
    }),
  );
});

test('the shares of sessions add up to the whole and are proportional to their seconds of audio [gpu.cost]', () => {
  fc.assert(
    fc.property(
      times,
      fc.array(fc.record({ session: fc.constantFrom('a', 'b', 'c'), at: fc.nat(8000), audio: fc.integer({ min: 1, max: 600 }) })),
      (list, uses) => {
        const union = runningTimes(
          list.map(({ id, start, length }) => interval(id, start, start + length)),
          0,
          9000,
        );
        const usages = uses.map(({ session, at, audio }, i) => usage(session, i, at, audio, i % 2 === 0 ? 'i-1' : 'i-2'));
        const shares = splitBySession(union, usages);
        expect([...shares.values()].reduce((sum, share) => sum + share, 0)).toBeCloseTo(secondsOf(union), 6);
      },
    ),
  );
  const shares = splitBySession(runningTimes([interval('i-1', 0, 9000)], 0, 9000), [
    usage('a', 1, 10, 20),
    usage('b', 1, 20, 10),
  ]);
  expect([shares.get('a'), shares.get('b')]).toEqual([6, 3]);
});

test('the cost of a day, a month and a session includes machines that run past midnight or still run', async () => {
  const ledger = memoryLedger();
  const midnight = Date.UTC(2026, 10, 21);
  const deps = { ledger, usdPerHour: 0.5, nowMs: () => NOON };
  await ledger.putInterval(interval('i-1', midnight - HOUR, midnight + HOUR));
  await ledger.putInterval(interval('i-2', NOON - HOUR));
  ledger.put(usage(SESSION, 1, midnight + 1000, 30));
  ledger.put(usage('session_other', 1, midnight - 1000, 30));
  expect(await costToday(deps)).toEqual({ gpuSeconds: 7200, usd: 1 });
  expect((await costThisMonth(deps)).usd).toBe(1.5);
  const chunks = [chunkRow(1, { state: 'done', transcribed_at_ms: midnight + 1000 })];
  expect(await costOfSession(deps, SESSION, chunks)).toEqual({ gpuSeconds: 3600, usd: 0.5 });
  expect(await costOfSession(deps, SESSION, [])).toEqual({ gpuSeconds: 0, usd: 0 });
});

test('each day of a month is added up once; today and the two days before, which can still change, each time', async () => {
  const ledger = memoryLedger();
  const deps = { ledger, usdPerHour: 0.5, nowMs: () => NOON };
  for (let day = 1; day <= 21; day++) {
    const start = Date.UTC(2026, 10, day, 3);
    await ledger.putInterval(interval(`i-${day}`, start, start + HOUR));
  }
  const read: string[] = [];
  const { intervalsOf } = ledger;
  ledger.intervalsOf = (day) => {
    read.push(day);
    return intervalsOf(day);
  };
  const first = await costsOfMonth({ ...deps, budgetUsd: 9 }, '2026-11');
  expect(first.usd).toBe(10.5);
  expect(await costThisMonth(deps)).toEqual({ gpuSeconds: 21 * 3600, usd: 10.5 });
  read.length = 0;
  expect(await costsOfMonth({ ...deps, budgetUsd: 9 }, '2026-11')).toEqual(first);
  expect([...new Set(read)].sort()).toEqual(['2026-11-18', '2026-11-19', '2026-11-20', '2026-11-21']);
});

test('repeated observations of a machine record one launch', async () => {
  const ledger = memoryLedger();
  let now = NOON;
  const look = (state: Machine['state']) =>
    recordGpuTime({ ledger, nowMs: () => now }, { instanceId: 'i-1', state, launchedAtMs: NOON });
  for (const state of ['pending', 'running', 'running', 'stopping', 'stopped', 'stopped'] as const) {
    now += 60_000;
    await look(state);
  }
  expect(await ledger.intervalsOf(day(NOON))).toMatchObject([{ at_ms: NOON, stopped_at_ms: NOON + 5 * 60_000 }]);
});

test('a launch whose end was not observed ends when the next one begins', async () => {
  const ledger = memoryLedger();
  const look = (launchedAtMs: number) =>
    recordGpuTime({ ledger, nowMs: () => launchedAtMs + 1000 }, { instanceId: 'i-1', state: 'running', launchedAtMs });
  await look(NOON);
  await look(NOON + HOUR);
  expect((await ledger.intervalsOf(day(NOON))).map((row) => row.stopped_at_ms)).toEqual([NOON + HOUR, undefined]);
});

test('the number of machines grows with the waiting audio, from one to the size of the pool', () => {
  expect([0, 100, 14_400, 14_401, 1e9].map((seconds) => machinesFor(seconds, 14_400, 3))).toEqual([1, 1, 1, 2, 3]);
  expect(waitingSeconds([chunkRow(1), chunkRow(2), chunkRow(3, { lane: 'backlog' })])).toBe(60);
});
