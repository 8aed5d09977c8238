import * as z from 'zod';
import { type LockDeps, unlock } from '../../core/batch-lock/lock.ts';
import type { IngestDeps } from '../../core/chunk-cache/ingest.ts';
import type { ChunkObjects, ChunkStore } from '../../core/chunk-cache/ports.ts';
import { retryChunk, transcribeNow } from '../../core/chunk-cache/retry.ts';
import { cacheStatistics } from '../../core/chunk-cache/statistics.ts';
import {
  ChunkNumber,
  CompleteSession,
  CreateSession,
  ListQuery,
  Retranscribe,
  TranscribeRange,
} from '../../core/contracts/http.ts';
import type { ChunkRow, SessionRow } from '../../core/contracts/rows.ts';
import { DomainError } from '../../core/errors.ts';
import { waitsFor } from '../../core/fleet/pool.ts';
import type { FleetStore } from '../../core/fleet/ports.ts';
import type { GpuCost } from '../../core/ledger/ledger-service.ts';
import type { UsageCounter } from '../../core/quota/quota.ts';
import { sessionFor } from '../../core/sessions/access.ts';
import { completeSession } from '../../core/sessions/completion.ts';
import { deleteSession } from '../../core/sessions/deletion.ts';
import { admitChoice } from '../../core/sessions/model-choice.ts';
import type { SessionStore } from '../../core/sessions/ports.ts';
import { retranscribe, viewRetranscription } from '../../core/sessions/retranscription.ts';
import { missingChunkNumbers, newSession, viewChunk, viewSession } from '../../core/sessions/session.ts';
import { rowsWithin } from '../../core/transcripts/positions.ts';
import { bodyRoute, endpoints, json, queryRoute } from '../runtime/endpoint.ts';
import { logger } from '../runtime/logger.ts';

export interface SessionsDeps extends IngestDeps, LockDeps {
  readonly sessions: SessionStore;
  readonly chunks: ChunkStore;
  readonly objects: ChunkObjects;
  readonly usage: UsageCounter;
  readonly newUlid: () => string;
  readonly liveDefault: boolean;
  /** Models of the stage; the first is the default. */
  readonly models: readonly string[];
  /** Whether the stage's workers have a speaker model. */
  readonly canDiarize: boolean;
  readonly readPool: FleetStore['readPool'];
  /** A session's share of the GPU cost. */
  readonly costOf: (sessionId: string, chunks: readonly ChunkRow[]) => Promise<GpuCost>;
}

const NOTHING = z.object({});

const viewWait = ({ reason, untilMs }: { reason: string; untilMs: number }) => ({
  reason,
  until: new Date(untilMs).toISOString(),
});

/** Releases the batch lock of an ended recording, in case the recorder does not. If this fails, the lock expires by itself. */
async function releaseLock(deps: LockDeps, { user_id, session_id }: SessionRow): Promise<void> {
  await unlock(deps, user_id, session_id).catch((error: unknown) => logger.warn('lock not released', error as Error));
}

/** Sessions: create, list, show, complete, delete; retry and retranscribe chunks. */
export const buildHandler = (deps: SessionsDeps, clientId: string) =>
  endpoints(
    {
      'POST /api/sessions': bodyRoute(CreateSession, async ({ input, caller }) => {
        if (input.diarize && !deps.canDiarize)
          throw new DomainError('invalid', 'this stage has no speaker model; send segments of a diarizer to …/speakers instead');
        admitChoice({ language: input.language }, deps.models, false);
        const live = input.live ?? deps.liveDefault;
        const session = newSession({ ...input, live }, caller.userId, deps.newUlid(), deps.nowMs());
        await deps.sessions.create(session);
        if (live) await deps.wake(); // the machine boots while the first chunk is recorded
        return json(201, viewSession(session));
      }),

      'GET /api/sessions': queryRoute(ListQuery, async ({ input, caller }) => {
        const { items, cursor } = await deps.sessions.listOf(caller.userId, input.limit, input.cursor);
        return json(200, { sessions: items.map(viewSession), cursor });
      }),

      'GET /api/sessions/{id}': queryRoute(NOTHING, async ({ caller, id }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        const rows = await deps.chunks.listOf(id);
        const waits = waitsFor(await deps.readPool(), deps.nowMs());
        return json(200, {
          ...viewSession(session),
          retranscription: viewRetranscription(session, rows),
          chunks: rows.map((row) => viewChunk(row, waits?.reason)),
          holes: missingChunkNumbers(rows, session.chunk_count),
          statistics: cacheStatistics(rows, session.chunk_count),
          waitingFor: waits && rows.some(({ state }) => state === 'pending') ? viewWait(waits) : undefined,
        });
      }),

      'DELETE /api/sessions/{id}': queryRoute(NOTHING, async ({ caller, id }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        await deleteSession(deps, session);
        await releaseLock(deps, session);
        return { statusCode: 204 };
      }),

      'GET /api/sessions/{id}/cache': queryRoute(NOTHING, async ({ caller, id }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        return json(200, { id, ...cacheStatistics(await deps.chunks.listOf(id), session.chunk_count) });
      }),

      'GET /api/sessions/{id}/cost': queryRoute(NOTHING, async ({ caller, id }) => {
        await sessionFor(deps.sessions, caller, id);
        const { gpuSeconds, usd } = await deps.costOf(id, await deps.chunks.listOf(id));
        return json(200, { id, gpuSeconds: Math.round(gpuSeconds * 10) / 10, usd: Math.round(usd * 1e6) / 1e6 });
      }),

      'POST /api/sessions/{id}/complete': bodyRoute(CompleteSession, async ({ input, caller, id }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        const waiting = await completeSession(deps, session, input.chunkCount);
        await releaseLock(deps, session);
        return json(202, { id, state: 'completed', chunkCount: input.chunkCount, waiting });
      }),

      'POST /api/sessions/{id}/retranscribe': bodyRoute(Retranscribe, async ({ input, caller, id }) => {
        const session = await retranscribe(deps, await sessionFor(deps.sessions, caller, id), input, deps.models);
        const rows = await deps.chunks.listOf(id);
        return json(202, {
          id,
          retranscribing: viewSession(session).retranscribing,
          model: session.model ?? deps.models[0],
          language: session.language,
          retranscription: viewRetranscription(session, rows),
        });
      }),

      'POST /api/sessions/{id}/chunks/{n}/retry': queryRoute(NOTHING, async ({ caller, id, n }) => {
        const chunkNumber = ChunkNumber.parse(n);
        await sessionFor(deps.sessions, caller, id);
        await retryChunk(deps, id, chunkNumber);
        return json(202, { id, chunkNumber, state: 'pending' });
      }),

      'POST /api/sessions/{id}/transcript/ranges': bodyRoute(TranscribeRange, async ({ input, caller, id }) => {
        await sessionFor(deps.sessions, caller, id);
        const { start, end } = input;
        const rows = rowsWithin(await deps.chunks.listOf(id), start, end);
        if (rows.length === 0) throw new DomainError('not-ready', 'no audio of this range has arrived');
        const waitingFor = await transcribeNow(deps, rows);
        const transcript = `/api/sessions/${id}/transcript?start=${start}&end=${end}`;
        return json(202, { id, start, end, status: waitingFor.length === 0 ? 'completed' : 'queued', waitingFor, transcript });
      }),
    },
    clientId,
    deps,
  );
