import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBStreamEvent } from 'aws-lambda';
import * as z from 'zod';
import { isJobId } from '../../core/contracts/keys.ts';
import { advance } from '../../core/file-jobs/advance.ts';
import type { JobDeps } from '../../core/file-jobs/ports.ts';
import { logger } from '../runtime/logger.ts';

const OfJob = z.object({ session_id: z.string() });

/**
 * Ends of rows of files and their parts -> the job goes on. The stream delivers a change at least once and retries a batch
 * that throws; everything here can be done again.
 */
export const buildHandler =
  (deps: JobDeps) =>
  async (event: DynamoDBStreamEvent): Promise<void> => {
    const jobIds = new Set<string>();
    for (const { dynamodb } of event.Records) {
      const keys = OfJob.safeParse(unmarshall((dynamodb?.Keys ?? {}) as Record<string, AttributeValue>)).data;
      if (keys !== undefined && isJobId(keys.session_id)) jobIds.add(keys.session_id);
    }
    for (const jobId of jobIds) {
      await advance(deps, jobId);
      logger.info('file job goes on', { jobId });
    }
  };
