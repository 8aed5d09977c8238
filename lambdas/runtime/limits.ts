/** Rate limits per user. Calls that start work are counted in the Quotas table, all others in the function's memory. */
import { COUNTED, tokenBuckets, type UsageCounter, useQuota } from '../../core/quota/quota.ts';

export interface LimitDeps {
  /** Absent in functions whose calls start no work. */
  readonly usage?: UsageCounter;
  readonly nowMs: () => number;
}
/** @throws DomainError `too-many` */
export type Admit = (routeKey: string, userId: string) => Promise<void>;

/** @throws Error when one of these routes must be counted and there is no usage counter */
export function limits(routes: readonly string[], { usage, nowMs }: LimitDeps): Admit {
  const uncountable = usage === undefined ? routes.filter((route) => COUNTED[route] !== undefined) : [];
  if (uncountable.length > 0) throw new Error(`no usage counter for ${uncountable.join(', ')}`);
  const take = tokenBuckets();
  return async (routeKey, userId) => {
    const kind = COUNTED[routeKey];
    if (kind === undefined || usage === undefined) take(userId, nowMs());
    else await useQuota(usage, kind, userId, nowMs());
  };
}
