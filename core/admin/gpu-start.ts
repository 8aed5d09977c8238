import { DomainError } from '../errors.ts';
import { startForAdmin } from '../fleet/admins.ts';
import type { StepDeps } from '../fleet/decide.ts';
import { type BudgetDeps, isBudgetSpent } from '../ledger/costs.ts';
import { iso, MINUTE_MS } from '../time.ts';

/**
 * Starts a machine and holds it for the admin, unless today's budget is spent.
 * @throws DomainError `budget-reached`, `no-capacity`, `busy`
 */
export async function startGpu(deps: StepDeps & BudgetDeps, userId: string, minutes: number) {
  const untilMs = deps.nowMs() + minutes * MINUTE_MS;
  if (await isBudgetSpent(deps))
    throw new DomainError('budget-reached', `the daily budget of ${deps.budgetUsd} USD is spent; it resets at 00:00 UTC`);
  const started = await startForAdmin(deps, userId, untilMs);
  if (started.kind === 'no-capacity')
    throw new DomainError('no-capacity', 'EC2 has no capacity for this machine now; try again in a few minutes');
  if (started.kind !== 'held') throw new DomainError('busy', 'all machines are stopping; try again in a minute');
  return { instanceId: started.instanceId, state: started.machine, heldUntil: iso(untilMs) };
}
