/** The schedule of batch runs: an admin can pause and resume it. */
import { CONFLICT, optimistically } from '../optimistic.ts';
import type { BatchStore } from './ports.ts';

/** @throws DomainError `busy` */
export const setPaused = (batch: BatchStore, is_paused: boolean): Promise<void> =>
  optimistically('the schedule', async () => {
    const from = await batch.readState();
    const to = { ...from, is_paused, version: from.version + 1 };
    return (await batch.commit({ state: { from, to } })) === 'committed' ? undefined : CONFLICT;
  });
