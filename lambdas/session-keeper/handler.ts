import type { Context } from 'aws-lambda';
import { shareOf } from '../../core/contained.ts';
import { METRICS, type Metric } from '../../core/contracts/metrics.ts';
import { type JobDueDeps, processDueJobs } from '../../core/file-jobs/due.ts';
import { type DueDeps, processDueSessions } from '../../core/sessions/due.ts';
import { containmentOf } from '../runtime/containment.ts';
import { logger } from '../runtime/logger.ts';

/** The remaining time is for file jobs. */
const SHARE_OF_SESSIONS = 0.5;

type Publish = (values: Partial<Record<Metric, number>>) => Promise<void>;

/**
 * Runs every five minutes: completes abandoned recordings, queues the rest of interrupted retranscriptions, resumes stuck file
 * jobs, and purges deleted sessions and jobs a second time, because a worker or an upload may have written after the first purge.
 */
export const buildHandler =
  (deps: DueDeps, jobDeps: JobDueDeps, publish: Publish) =>
  async (_event: unknown, context: Pick<Context, 'getRemainingTimeInMillis'>): Promise<void> => {
    const containment = containmentOf(context, publish);
    const sessions = await processDueSessions(deps, shareOf(containment, SHARE_OF_SESSIONS));
    const jobs = await processDueJobs(jobDeps, containment);
    const stuck = (jobs.resumed ?? 0) + (jobs.failed ?? 0);
    if (stuck > 0) await publish({ [METRICS.stuckJobs]: stuck });
    if (Object.keys(sessions).length + Object.keys(jobs).length > 0) logger.info('processed due items', { sessions, jobs });
  };
