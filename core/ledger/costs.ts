/** Costs as clients see them, and the daily budget. */
import { iso } from '../time.ts';
import { costByDay, costToday, type GpuCost, type LedgerDeps } from './ledger-service.ts';

/** The ledger and the budget of the stage. */
export interface BudgetDeps extends LedgerDeps {
  /** USD of GPU time per day (UTC) after which no machine is started. */
  readonly budgetUsd: number;
}

/** Whether today's costs have reached the daily budget. */
export const isBudgetSpent = async (deps: BudgetDeps): Promise<boolean> => (await costToday(deps)).usd >= deps.budgetUsd;

/** Rounds to a hundredth of a cent. */
export const roundUsd = (usd: number): number => Math.round(usd * 10_000) / 10_000;

/** The costs of a month (YYYY-MM) by day; of the current month by default. */
export async function costsOfMonth(deps: BudgetDeps, month = iso(deps.nowMs()).slice(0, 7)) {
  const days = await costByDay(deps, month);
  return {
    month,
    days: days.map(({ day, gpuSeconds, usd }) => ({ day, gpuSeconds: Math.round(gpuSeconds), usd: roundUsd(usd) })),
    gpuSeconds: Math.round(days.reduce((sum, day) => sum + day.gpuSeconds, 0)),
    usd: roundUsd(days.reduce((sum, day) => sum + day.usd, 0)),
    usdPerHour: deps.usdPerHour,
    dailyBudgetUsd: deps.budgetUsd,
  };
}

/** Public form of a session's cost. It is usually a fraction of a cent, so it has more decimals. */
export const viewSessionCost = (id: string, { gpuSeconds, usd }: GpuCost) => ({
  id,
  gpuSeconds: Math.round(gpuSeconds * 10) / 10,
  usd: Math.round(usd * 1e6) / 1e6,
});
