/** Reading and writing the ledger of GPU time. */
import type { ChunkRow, GpuIntervalRow } from '../contracts/rows.ts';
import type { Machine } from '../fleet/ports.ts';
import { costUsd, dayBounds, dayOf, intervalId, observe, runningTimes, secondsOf, splitBySession } from './gpu-time.ts';
import type { LedgerStore } from './ports.ts';

export interface LedgerDeps {
  readonly ledger: LedgerStore;
  readonly usdPerHour: number;
  readonly nowMs: () => number;
}

const DAY_MS = 86_400_000;

/** Notes what one look at a machine says of its running time. */
export async function recordGpuTime({ ledger, nowMs }: Omit<LedgerDeps, 'usdPerHour'>, machine: Machine): Promise<void> {
  const known = await ledger.interval(intervalId(machine));
  const row = observe(machine, known, nowMs());
  if (row === undefined) return;
  if (known === undefined) await endEarlier({ ledger }, row);
  await ledger.putInterval(row);
}

/** A launch whose end nobody saw was over when the next one began; what it cost is never too little. */
async function endEarlier({ ledger }: Pick<LedgerDeps, 'ledger'>, next: GpuIntervalRow): Promise<void> {
  const days = [dayOf(next.at_ms - DAY_MS), dayOf(next.at_ms)];
  const rows = (await Promise.all(days.map((day) => ledger.intervalsOf(day)))).flat();
  const open = rows.filter(
    (row) => row.instance_id === next.instance_id && row.at_ms < next.at_ms && row.stopped_at_ms === undefined,
  );
  for (const row of open) await ledger.putInterval({ ...row, stopped_at_ms: next.at_ms });
}

export interface GpuCost {
  readonly gpuSeconds: number;
  readonly usd: number;
}

/** A launch may begin the day before the one it is paid on; no hold lives longer than that. */
async function costBetween({ ledger, usdPerHour }: LedgerDeps, fromMs: number, toMs: number): Promise<GpuCost> {
  const days: string[] = [];
  for (let ms = fromMs - DAY_MS; ms < toMs; ms += DAY_MS) days.push(dayOf(ms));
  const rows = (await Promise.all(days.map((day) => ledger.intervalsOf(day)))).flat();
  const gpuSeconds = secondsOf(runningTimes(rows, fromMs, toMs));
  return { gpuSeconds, usd: costUsd(gpuSeconds, usdPerHour) };
}

/** Each day of a month (YYYY-MM, UTC) that has begun. */
export async function costByDay(deps: LedgerDeps, month: string): Promise<(GpuCost & { readonly day: string })[]> {
  const days: (GpuCost & { readonly day: string })[] = [];
  const endMs = Math.min(deps.nowMs(), Date.parse(`${month}-01`) + 31 * DAY_MS);
  for (let ms = Date.parse(`${month}-01`); ms < endMs && dayOf(ms).startsWith(month); ms += DAY_MS)
    days.push({ day: dayOf(ms), ...(await costBetween(deps, ms, Math.min(ms + DAY_MS, deps.nowMs()))) });
  return days;
}

/** The day so far, UTC. */
export const costToday = (deps: LedgerDeps): Promise<GpuCost> => costBetween(deps, dayBounds(deps.nowMs()).fromMs, deps.nowMs());

/** Memory of the worker that was seen last today, in MB. */
export const workerMemory = async ({ ledger, nowMs }: Pick<LedgerDeps, 'ledger' | 'nowMs'>): Promise<number | undefined> =>
  (await ledger.newestUsageOf(dayOf(nowMs())))?.worker_mb;

/** The month so far, UTC. */
export function costThisMonth(deps: LedgerDeps): Promise<GpuCost> {
  const now = new Date(deps.nowMs());
  return costBetween(deps, Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1), deps.nowMs());
}

/** A session's share of the machines' running times. What still runs is shared as if it ended now. */
export async function costOfSession(deps: LedgerDeps, sessionId: string, chunks: readonly ChunkRow[]): Promise<GpuCost> {
  const days = [
    ...new Set(chunks.flatMap(({ transcribed_at_ms: ms }) => (ms === undefined ? [] : [dayOf(ms - DAY_MS), dayOf(ms)]))),
  ];
  // Usage of the day after belongs to a running time that goes past midnight.
  const usageDays = [...new Set(days.flatMap((day) => [day, dayOf(Date.parse(day) + DAY_MS)]))];
  const rows = (await Promise.all(days.map((day) => deps.ledger.intervalsOf(day)))).flat();
  const usages = (await Promise.all(usageDays.map((day) => deps.ledger.usagesOf(day)))).flat();
  const gpuSeconds = splitBySession(runningTimes(rows, 0, deps.nowMs()), usages).get(sessionId) ?? 0;
  return { gpuSeconds, usd: costUsd(gpuSeconds, deps.usdPerHour) };
}
