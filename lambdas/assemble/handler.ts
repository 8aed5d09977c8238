import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { Context, DynamoDBStreamEvent } from 'aws-lambda';
import * as z from 'zod';
import type { ChunkStore } from '../../core/chunk-cache/ports.ts';
import { allOrThrow, type Containment } from '../../core/contained.ts';
import { isJobId } from '../../core/contracts/keys.ts';
import { ChunkRow, SettingsRow } from '../../core/contracts/rows.ts';
import { reapply } from '../../core/corrections/apply.ts';
import type { SettingsStore } from '../../core/corrections/ports.ts';
import { correctors } from '../../core/corrections/settings.ts';
import type { SessionStore } from '../../core/sessions/ports.ts';
import { type AssembleDeps, assembleSession } from '../../core/transcripts/assemble.ts';
import { processNewResults } from '../../core/transcripts/new-results.ts';
import { hasOutcome } from '../../core/transcripts/outcomes.ts';
import { containmentOf } from '../runtime/containment.ts';
import { logger } from '../runtime/logger.ts';
import { logSkipped } from '../runtime/skipped-rules.ts';

export interface AssembleHandlerDeps extends Omit<AssembleDeps, 'correctorFor'> {
  readonly sessions: SessionStore;
  readonly chunks: ChunkStore;
  readonly settings: SettingsStore;
}

const SESSIONS_AT_ONCE = 8;
const SESSION_SECONDS = 90;

const OfSession = z.object({ session_id: z.string() });

/** The work of a batch of stream records: a session with its chunks that have new outcomes, or a user's changed settings. */
type Subject =
  | { readonly kind: 'session'; readonly sessionId: string; readonly changed: readonly ChunkRow[] }
  | { readonly kind: 'settings'; readonly row: SettingsRow };

/**
 * Groups stream records by session or user. A `done` row with `corrections_version` is skipped: `correctChunk` wrote it, its result
 * is unchanged, and no transcript depends on it.
 */
function subjectsOf(images: readonly Record<string, unknown>[]): Subject[] {
  const sessions = new Map<string, ChunkRow[]>();
  const settings = new Map<string, SettingsRow>();
  for (const image of images) {
    const sessionId = OfSession.safeParse(image).data?.session_id;
    if (sessionId === undefined) {
      const row = SettingsRow.safeParse(image).data; // part rows of corrections do not parse
      if (row !== undefined) settings.set(row.user_id, row);
      continue;
    }
    if (isJobId(sessionId)) continue; // FileJobs handles files
    const row = ChunkRow.safeParse(image).data; // undefined: a row of a session
    if (row?.state === 'done' && row.corrections_version !== undefined) continue;
    const changed = sessions.get(sessionId) ?? [];
    sessions.set(sessionId, row !== undefined && hasOutcome(row) ? [...changed, row] : changed);
  }
  return [
    ...[...sessions].map(([sessionId, changed]) => ({ kind: 'session' as const, sessionId, changed })),
    ...[...settings.values()].map((row) => ({ kind: 'settings' as const, row })),
  ];
}

type Deps = AssembleHandlerDeps & AssembleDeps;

async function serve(deps: Deps, subject: Subject, containment: Containment): Promise<void> {
  if (subject.kind === 'settings')
    return reapply({ ...deps, assemble: (id) => assembleSession(deps, id) }, subject.row, containment);
  const { sessionId, changed } = subject;
  logger.info('assembled', { sessionId, assembly: await processNewResults(deps, sessionId, changed) });
}

/**
 * Writes canonical chunk files, corrected texts and the transcript when rows of a session change, and applies changed corrections
 * to all of a user's texts. The stream delivers records at least once and retries a batch that throws, so every step is
 * idempotent. A failing session does not block the others.
 */
export const buildHandler =
  (given: AssembleHandlerDeps) =>
  async (event: DynamoDBStreamEvent, context: Pick<Context, 'getRemainingTimeInMillis'>): Promise<void> => {
    const deps = { ...given, correctorFor: correctors(given.settings, logSkipped) };
    const images = event.Records.flatMap(({ dynamodb }) =>
      dynamodb?.NewImage === undefined ? [] : [unmarshall(dynamodb.NewImage as Record<string, AttributeValue>)],
    );
    const containment = containmentOf(context);
    const one = {
      idOf: (subject: Subject) => (subject.kind === 'session' ? subject.sessionId : subject.row.user_id),
      work: (subject: Subject) => serve(deps, subject, containment),
      atOnce: SESSIONS_AT_ONCE,
      seconds: SESSION_SECONDS,
    };
    await allOrThrow(subjectsOf(images), one, containment);
  };
