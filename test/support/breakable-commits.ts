/** Writes of the fleet rows that can fail, and a check of every transition that is written. */
import type { InstanceRow } from '../../core/contracts/rows.ts';
import type { FleetStore } from '../../core/fleet/ports.ts';

/** None, the write fails, or the write succeeds and its response is lost. */
export type NextWrite = 'fine' | 'failed' | 'response-lost';

/** Changes `commit` of the store; `next` is the fault of the next write. */
export function breakableCommits(store: FleetStore, violations: string[]): { next: NextWrite } {
  const writes: { next: NextWrite } = { next: 'fine' };
  const commit = store.commit.bind(store);
  const check = (from: InstanceRow | undefined, to: InstanceRow): void => {
    if (from !== undefined && to.fence < from.fence) violations.push(`fence of ${to.id} went down`);
    if (to.state === 'draining' && Object.keys(to.holders).length > 0) violations.push(`${to.id} drains with a holder`);
  };
  store.commit = async (change) => {
    const how = writes.next;
    writes.next = 'fine';
    if (how === 'failed') throw new Error('throttled');
    const outcome = await commit(change);
    if (outcome === 'committed') for (const { from, to } of change.instances ?? []) check(from, to);
    if (how === 'response-lost') throw new Error('the response was lost');
    return outcome;
  };
  return writes;
}
