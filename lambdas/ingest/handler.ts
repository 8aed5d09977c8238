import { type LockDeps, renewByUpload } from '../../core/batch-lock/lock.ts';
import { type IngestDeps, ingest } from '../../core/chunk-cache/ingest.ts';
import { ObjectCreated } from '../../core/contracts/events.ts';
import { parseSessionObject } from '../../core/contracts/keys.ts';
import { logger } from '../runtime/logger.ts';

/**
 * S3 "Object Created" -> chunk row, message, run. Invoked asynchronously: an exception makes Lambda deliver the event
 * again (twice), then it goes to the dead-letter queue; the audit of S3 finds what even that loses.
 */
export const buildHandler =
  (deps: IngestDeps & LockDeps) =>
  async (event: unknown): Promise<void> => {
    const { key } = ObjectCreated.parse(event).detail.object;
    const object = parseSessionObject(key);
    if (object?.kind !== 'chunk') return;
    const { place } = object;
    const admission = await ingest(deps, place, key);
    logger.info('chunk object', { sessionId: place.sessionId, chunkNumber: place.chunkNumber, admission });
    // The recording is what counts: a lock that cannot be renewed only lets the batch in.
    await renewByUpload(deps, place).catch((error: unknown) => logger.warn('lock not renewed', error as Error));
  };
