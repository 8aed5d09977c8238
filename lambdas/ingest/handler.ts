import { type IngestDeps, ingest } from '../../core/chunk-cache/ingest.ts';
import { ObjectCreated } from '../../core/contracts/events.ts';
import { parseChunkKey } from '../../core/contracts/keys.ts';
import { logger } from '../runtime/logger.ts';

/**
 * S3 "Object Created" -> chunk row, message, run. Invoked asynchronously: an exception makes Lambda deliver the event
 * again (twice), then it goes to the dead-letter queue; the audit of S3 finds what even that loses.
 */
export const buildHandler =
  (deps: IngestDeps) =>
  async (event: unknown): Promise<void> => {
    const { key } = ObjectCreated.parse(event).detail.object;
    const place = parseChunkKey(key);
    if (place === undefined) return;
    const admission = await ingest(deps, place, key);
    logger.info('chunk object', { sessionId: place.sessionId, chunkNumber: place.chunkNumber, admission });
  };
