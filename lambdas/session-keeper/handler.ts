import { type JobDueDeps, settleDueJobs } from '../../core/file-jobs/due.ts';
import { type DueDeps, settleDue } from '../../core/sessions/due.ts';
import { logger } from '../runtime/logger.ts';

/**
 * Every few minutes: recordings that nobody closed are closed, file jobs that are stuck are resumed, and what was deleted is
 * looked through once more.
 */
export const buildHandler = (deps: DueDeps, jobDeps: JobDueDeps) => async (): Promise<void> => {
  const sessions = await settleDue(deps);
  const jobs = await settleDueJobs(jobDeps);
  if (Object.keys(sessions).length + Object.keys(jobs).length > 0) logger.info('settled', { sessions, jobs });
};
