import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBStreamEvent } from 'aws-lambda';
import * as z from 'zod';
import { ChunkRow } from '../../core/contracts/rows.ts';
import { type AssembleDeps, assembleSession } from '../../core/transcripts/assemble.ts';
import { logger } from '../runtime/logger.ts';

const Named = z.object({ session_id: z.string() });

/**
 * Changes of chunk and session rows -> canonical chunk files and the session's transcript. The stream delivers a change at
 * least once and retries a batch that throws; everything here can be done again.
 */
export const buildHandler =
  (deps: AssembleDeps) =>
  async (event: DynamoDBStreamEvent): Promise<void> => {
    const images = event.Records.flatMap(({ dynamodb }) =>
      dynamodb?.NewImage === undefined ? [] : [unmarshall(dynamodb.NewImage as Record<string, AttributeValue>)],
    );
    for (const image of images) {
      const row = ChunkRow.safeParse(image).data;
      if (row?.state === 'done') await deps.results.publishChunk(row);
    }
    for (const sessionId of new Set(images.map((image) => Named.parse(image).session_id))) {
      logger.info('assembled', { sessionId, assembly: await assembleSession(deps, sessionId) });
    }
  };
