/** Reads and writes the ledger of GPU time. */
import type { ChunkRow, GpuIntervalRow, UsageRow } from '../contracts/rows.ts';
import type { Machine } from '../fleet/ports.ts';
import { DAY_MS, startOfDay, utcDay, utcDays } from '../time.ts';
import { costUsd, intervalId, observe, runningTimes, secondsOf, splitBySession, sumMonth } from './gpu-time.ts';
import type { LedgerStore } from './ports.ts';

export interface LedgerDeps {
  readonly ledger: LedgerStore;
  readonly usdPerHour: number;
  readonly nowMs: () => number;
}

/** Records the running time that an observation of a machine shows. */
export async function recordGpuTime({ ledger, nowMs }: Omit<LedgerDeps, 'usdPerHour'>, machine: Machine): Promise<void> {
  const known = await ledger.interval(intervalId(machine));
  const row = observe(machine, known, nowMs());
  if (row === undefined) return;
  if (known === undefined) await endEarlier({ ledger }, row);
  await ledger.putInterval(row);
}

/** Closes earlier launches whose end was not observed, at the start of the next one. This never underestimates their cost. */
async function endEarlier({ ledger }: Pick<LedgerDeps, 'ledger'>, next: GpuIntervalRow): Promise<void> {
  const days = [utcDay(next.at_ms - DAY_MS), utcDay(next.at_ms)];
  const rows = (await Promise.all(days.map((day) => ledger.intervalsOf(day)))).flat();
  const open = rows.filter(
    (row) => row.instance_id === next.instance_id && row.at_ms < next.at_ms && row.stopped_at_ms === undefined,
  );
  for (const row of open) await ledger.putInterval({ ...row, stopped_at_ms: next.at_ms });
}

/** GPU time and its cost. */
export interface GpuCost {
  readonly gpuSeconds: number;
  readonly usd: number;
}

/** Includes launches of the day before `fromMs`: no machine is held for longer than a day. */
async function costBetween({ ledger, usdPerHour }: LedgerDeps, fromMs: number, toMs: number): Promise<GpuCost> {
  const rows = (await Promise.all(utcDays(fromMs - DAY_MS, toMs - 1).map((day) => ledger.intervalsOf(day)))).flat();
  const gpuSeconds = secondsOf(runningTimes(rows, fromMs, toMs));
  return { gpuSeconds, usd: costUsd(gpuSeconds, usdPerHour) };
}

/** GPU time of a UTC day. Launches of the day may end on the next one; two days later, nothing of it changes, and it is stored. */
async function costOfDay(deps: LedgerDeps, startMs: number): Promise<GpuCost> {
  const nowMs = deps.nowMs();
  const cost = await costBetween(deps, startMs, Math.min(startMs + DAY_MS, nowMs));
  const day = utcDay(startMs);
  const row = { usage_id: `sum#${day}`, day: sumMonth(day.slice(0, 7)), at_ms: startMs, gpu_seconds: cost.gpuSeconds };
  if (nowMs >= startMs + 3 * DAY_MS) await deps.ledger.putSum(row);
  return cost;
}

/** Cost of each UTC day of a month (YYYY-MM) that has begun. */
export async function costByDay(deps: LedgerDeps, month: string): Promise<(GpuCost & { readonly day: string })[]> {
  const sums = new Map((await deps.ledger.sumsOf(month)).map((row) => [row.at_ms, row.gpu_seconds]));
  const days: (GpuCost & { readonly day: string })[] = [];
  for (let ms = Date.parse(`${month}-01`); ms < deps.nowMs() && utcDay(ms).startsWith(month); ms += DAY_MS) {
    const stored = sums.get(ms);
    const cost = stored === undefined ? await costOfDay(deps, ms) : { gpuSeconds: stored, usd: costUsd(stored, deps.usdPerHour) };
    days.push({ day: utcDay(ms), ...cost });
  }
  return days;
}

/** Cost of the current UTC day so far. */
export const costToday = (deps: LedgerDeps): Promise<GpuCost> => costBetween(deps, startOfDay(deps.nowMs()), deps.nowMs());

/** Today's newest usage; undefined without one. */
export const newestUsage = ({ ledger, nowMs }: Pick<LedgerDeps, 'ledger' | 'nowMs'>): Promise<UsageRow | undefined> =>
  ledger.newestUsageOf(utcDay(nowMs()));

/** Cost of the current UTC month so far. */
export async function costThisMonth(deps: LedgerDeps): Promise<GpuCost> {
  const days = await costByDay(deps, utcDay(deps.nowMs()).slice(0, 7));
  return {
    gpuSeconds: days.reduce((sum, { gpuSeconds }) => sum + gpuSeconds, 0),
    usd: days.reduce((sum, { usd }) => sum + usd, 0),
  };
}

/** A session's share of the machines' running times. A running machine counts as if it ended now. */
export async function costOfSession(deps: LedgerDeps, sessionId: string, chunks: readonly ChunkRow[]): Promise<GpuCost> {
  const days = [
    ...new Set(chunks.flatMap(({ transcribed_at_ms: ms }) => (ms === undefined ? [] : [utcDay(ms - DAY_MS), utcDay(ms)]))),
  ];
  // A running time may continue past midnight, so usage of the next day is included.
  const usageDays = [...new Set(days.flatMap((day) => [day, utcDay(Date.parse(day) + DAY_MS)]))];
  const rows = (await Promise.all(days.map((day) => deps.ledger.intervalsOf(day)))).flat();
  const usages = (await Promise.all(usageDays.map((day) => deps.ledger.usagesOf(day)))).flat();
  const gpuSeconds = splitBySession(runningTimes(rows, 0, deps.nowMs()), usages).get(sessionId) ?? 0;
  return { gpuSeconds, usd: costUsd(gpuSeconds, deps.usdPerHour) };
}
