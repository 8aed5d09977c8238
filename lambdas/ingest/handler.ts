import { type LockDeps, renewByUpload } from '../../core/batch-lock/lock.ts';
import { type IngestDeps, ingest } from '../../core/chunk-cache/ingest.ts';
import { ObjectCreated } from '../../core/contracts/events.ts';
import { parseSessionObject, parseSourceKey } from '../../core/contracts/keys.ts';
import { takeUpload } from '../../core/file-jobs/advance.ts';
import type { JobDeps } from '../../core/file-jobs/ports.ts';
import { logger } from '../runtime/logger.ts';

/**
 * S3 "Object Created" -> chunk row, or file to be cut; message, run. Invoked asynchronously: an exception makes Lambda deliver the event
 * again (twice), then it goes to the dead-letter queue; the audit of S3 finds what even that loses.
 */
export const buildHandler =
  (deps: IngestDeps & LockDeps, jobDeps: JobDeps) =>
  async (event: unknown): Promise<void> => {
    const { key } = ObjectCreated.parse(event).detail.object;
    const source = parseSourceKey(key);
    if (source !== undefined) {
      // The key tells whose it is; the job that it names must be theirs.
      const job = await jobDeps.jobs.get(source.jobId);
      if (job?.object_key === key) await takeUpload(jobDeps, source.jobId);
      return logger.info('file uploaded', { jobId: source.jobId, status: job?.status });
    }
    const object = parseSessionObject(key);
    if (object?.kind !== 'chunk') return;
    const { place } = object;
    const admission = await ingest(deps, place, key);
    logger.info('chunk object', { sessionId: place.sessionId, chunkNumber: place.chunkNumber, admission });
    // The recording is what counts: a lock that cannot be renewed only lets the batch in.
    await renewByUpload(deps, place).catch((error: unknown) => logger.warn('lock not renewed', error as Error));
  };
