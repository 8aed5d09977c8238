/** The schedule of batch runs: an admin can pause and resume it. */
import type { RunRow } from '../contracts/batch.ts';
import { CONFLICT, optimistically } from '../optimistic.ts';
import type { BatchStore } from './ports.ts';
import { type BeginDeps, begin } from './run.ts';

/** Pauses or resumes the schedule. @throws DomainError `busy` */
export const setPaused = (batch: BatchStore, is_paused: boolean): Promise<void> =>
  optimistically('the schedule', async () => {
    const from = await batch.readState();
    const to = { ...from, is_paused, version: from.version + 1 };
    return (await batch.commit({ state: { from, to } })) === 'committed' ? undefined : CONFLICT;
  });

/** Starts the run of this scheduled time, or returns the active one; undefined while the schedule is paused. */
export async function beginScheduled(deps: BeginDeps, slotMs: number): Promise<RunRow | undefined> {
  if ((await deps.batch.readState()).is_paused) return undefined;
  return begin(deps, { trigger: 'schedule', dryRun: false, slotMs });
}
