import { type LockDeps, renewByUpload } from '../../core/batch-lock/lock.ts';
import { ObjectCreated } from '../../core/contracts/events.ts';
import { parseSessionObject, parseSourceKey } from '../../core/contracts/keys.ts';
import { acceptUpload } from '../../core/file-jobs/advance.ts';
import type { JobDeps } from '../../core/file-jobs/ports.ts';
import { type IngestDeps, ingest } from '../../core/sessions/ingest.ts';
import { logger } from '../runtime/logger.ts';

/**
 * Handles "Object Created" of S3: creates the chunk row or starts the file job, sends a message and requests a GPU run. Invoked
 * asynchronously: after an exception Lambda delivers the event up to two more times, then moves it to the dead-letter queue. The
 * batch's scan of the bucket finds objects whose event was lost.
 */
export const buildHandler =
  (deps: IngestDeps & LockDeps, jobDeps: JobDeps) =>
  async (event: unknown): Promise<void> => {
    const { key } = ObjectCreated.parse(event).detail.object;
    const source = parseSourceKey(key);
    if (source !== undefined) {
      // The key contains user and job: accept the object only if it is the upload of that job.
      const job = await jobDeps.jobs.get(source.jobId);
      if (job?.object_key === key) await acceptUpload(jobDeps, source.jobId);
      return logger.info('file uploaded', { jobId: source.jobId, status: job?.status });
    }
    const object = parseSessionObject(key);
    if (object?.kind !== 'chunk') return;
    const { place } = object;
    const admission = await ingest(deps, place, key);
    logger.info('chunk object', { sessionId: place.sessionId, chunkNumber: place.chunkNumber, admission });
    // Not fatal: without the renewal the batch may run during the recording.
    await renewByUpload(deps, place).catch((error: unknown) => logger.warn('lock not renewed', error as Error));
  };
