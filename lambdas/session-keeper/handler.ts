import { METRICS, type Metric } from '../../core/contracts/metrics.ts';
import { type JobDueDeps, settleDueJobs } from '../../core/file-jobs/due.ts';
import { type DueDeps, settleDue } from '../../core/sessions/due.ts';
import { logger } from '../runtime/logger.ts';

type Publish = (values: Partial<Record<Metric, number>>) => Promise<void>;

/**
 * Every few minutes: recordings that nobody closed are closed, file jobs that are stuck are resumed, and what was deleted is
 * looked through once more.
 */
export const buildHandler = (deps: DueDeps, jobDeps: JobDueDeps, publish: Publish) => async (): Promise<void> => {
  const sessions = await settleDue(deps);
  const jobs = await settleDueJobs(jobDeps);
  const stuck = (jobs.resumed ?? 0) + (jobs['given-up'] ?? 0);
  if (stuck > 0) await publish({ [METRICS.stuckJobs]: stuck });
  if (Object.keys(sessions).length + Object.keys(jobs).length > 0) logger.info('settled', { sessions, jobs });
};
