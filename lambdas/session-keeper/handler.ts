import { type DueDeps, settleDue } from '../../core/sessions/due.ts';
import { logger } from '../runtime/logger.ts';

/** Every few minutes: recordings that nobody closed are closed, and deletions are looked through once more. */
export const buildHandler = (deps: DueDeps) => async (): Promise<void> => {
  const settled = await settleDue(deps);
  if (Object.keys(settled).length > 0) logger.info('sessions settled', { settled });
};
