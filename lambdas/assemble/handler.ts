import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBStreamEvent } from 'aws-lambda';
import * as z from 'zod';
import type { ChunkStore } from '../../core/chunk-cache/ports.ts';
import { isJobId } from '../../core/contracts/keys.ts';
import { BUNDLE_EVERY } from '../../core/contracts/limits.ts';
import { ChunkRow, SettingsRow } from '../../core/contracts/rows.ts';
import { correctChunk, reapply } from '../../core/corrections/apply.ts';
import type { SettingsStore } from '../../core/corrections/ports.ts';
import { correctors } from '../../core/corrections/settings.ts';
import type { SessionStore } from '../../core/sessions/ports.ts';
import { type AssembleDeps, assembleSession, bundleResults } from '../../core/transcripts/assemble.ts';
import { logger } from '../runtime/logger.ts';

export interface AssembleHandlerDeps extends Omit<AssembleDeps, 'correctorFor'> {
  readonly sessions: SessionStore;
  readonly chunks: ChunkStore;
  readonly settings: SettingsStore;
}

const OfSession = z.object({ session_id: z.string() });

/**
 * Changes of chunk and session rows -> canonical chunk files, corrected texts and the session's transcript; changes of a
 * user's corrections -> all of these again. The stream delivers a change at least once and retries a batch that throws;
 * everything here can be done again.
 */
export const buildHandler =
  (given: AssembleHandlerDeps) =>
  async (event: DynamoDBStreamEvent): Promise<void> => {
    const deps = { ...given, correctorFor: correctors(given.settings) };
    const images = event.Records.flatMap(({ dynamodb }) =>
      dynamodb?.NewImage === undefined ? [] : [unmarshall(dynamodb.NewImage as Record<string, AttributeValue>)],
    );
    const sessionIds = new Set<string>();
    for (const image of images) {
      const sessionId = OfSession.safeParse(image).data?.session_id;
      if (sessionId !== undefined && isJobId(sessionId)) continue; // files have a function of their own
      if (sessionId === undefined) {
        await reapply({ ...deps, assemble: (id) => assembleSession(deps, id) }, SettingsRow.parse(image));
        continue;
      }
      sessionIds.add(sessionId);
      const row = ChunkRow.safeParse(image).data;
      if (row?.state !== 'done') continue;
      // With corrections noted it is the same result once more.
      if (row.corrections_version === undefined) await deps.results.publishChunk(row);
      await correctChunk(deps.chunks, row, await deps.correctorFor(row.user_id));
      if (row.chunk_number % BUNDLE_EVERY === 0) await bundleResults(deps, sessionId);
    }
    for (const sessionId of sessionIds) logger.info('assembled', { sessionId, assembly: await assembleSession(deps, sessionId) });
  };
