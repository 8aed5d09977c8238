/** Reads and writes the ledger of GPU time. */
import type { ChunkRow, GpuIntervalRow, UsageRow } from '../contracts/rows.ts';
import type { Machine } from '../fleet/ports.ts';
import { DAY_MS, startOfDay, utcDay, utcDays } from '../time.ts';
import { costUsd, intervalId, observe, runningTimes, secondsOf, splitBySession } from './gpu-time.ts';
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

/** Cost of each UTC day of a month (YYYY-MM) that has begun. */
export async function costByDay(deps: LedgerDeps, month: string): Promise<(GpuCost & { readonly day: string })[]> {
  const days: (GpuCost & { readonly day: string })[] = [];
  const endMs = Math.min(deps.nowMs(), Date.parse(`${month}-01`) + 31 * DAY_MS);
  for (let ms = Date.parse(`${month}-01`); ms < endMs && utcDay(ms).startsWith(month); ms += DAY_MS)
    days.push({ day: utcDay(ms), ...(await costBetween(deps, ms, Math.min(ms + DAY_MS, deps.nowMs()))) });
  return days;
}

/** Cost of the current UTC day so far. */
export const costToday = (deps: LedgerDeps): Promise<GpuCost> => costBetween(deps, startOfDay(deps.nowMs()), deps.nowMs());

/** Today's newest usage; undefined without one. */
export const newestUsage = ({ ledger, nowMs }: Pick<LedgerDeps, 'ledger' | 'nowMs'>): Promise<UsageRow | undefined> =>
  ledger.newestUsageOf(utcDay(nowMs()));

/** Cost of the current UTC month so far. */
export function costThisMonth(deps: LedgerDeps): Promise<GpuCost> {
  const now = new Date(deps.nowMs());
  return costBetween(deps, Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1), deps.nowMs());
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
