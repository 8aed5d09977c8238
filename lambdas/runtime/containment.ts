import type { Context } from 'aws-lambda';
import type { Containment } from '../../core/contained.ts';
import { METRICS, type Metric } from '../../core/contracts/metrics.ts';
import { logger } from './logger.ts';

/** Time reserved for the code after the loops. */
const MARGIN_MS = 10_000;

/** Limits the loops of a function to its remaining time, and logs and counts the items that fail. */
export const containmentOf = (
  context: Pick<Context, 'getRemainingTimeInMillis'>,
  publish?: (values: Partial<Record<Metric, number>>) => Promise<void>,
): Containment => ({
  nowMs: Date.now,
  untilMs: Date.now() + context.getRemainingTimeInMillis() - MARGIN_MS,
  failed: async (id, error) => {
    logger.error('item failed; a later pass retries it', { id, error: error as Error });
    await publish?.({ [METRICS.itemsFailed]: 1 });
  },
});
