import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { Context, DynamoDBStreamEvent } from 'aws-lambda';
import * as z from 'zod';
import { allOrThrow } from '../../core/contained.ts';
import { isJobId } from '../../core/contracts/keys.ts';
import { advance } from '../../core/file-jobs/advance.ts';
import type { JobDeps } from '../../core/file-jobs/ports.ts';
import { containmentOf } from '../runtime/containment.ts';
import { logger } from '../runtime/logger.ts';

const JOBS_AT_ONCE = 4;

const OfJob = z.object({ session_id: z.string() });

/**
 * Advances a file job when the row of the file or of a part ends. The stream delivers records at least once and retries a batch
 * that throws, so every step is idempotent. A failing job does not block the others.
 */
export const buildHandler =
  (deps: JobDeps) =>
  async (event: DynamoDBStreamEvent, context: Pick<Context, 'getRemainingTimeInMillis'>): Promise<void> => {
    const jobIds = new Set<string>();
    for (const { dynamodb } of event.Records) {
      const keys = OfJob.safeParse(unmarshall((dynamodb?.Keys ?? {}) as Record<string, AttributeValue>)).data;
      if (keys !== undefined && isJobId(keys.session_id)) jobIds.add(keys.session_id);
    }
    const one = {
      idOf: (jobId: string) => jobId,
      work: async (jobId: string) => {
        await advance(deps, jobId);
        logger.info('file job advanced', { jobId });
      },
      atOnce: JOBS_AT_ONCE,
    };
    await allOrThrow([...jobIds], one, containmentOf(context));
  };
