import type { LockDeps } from '../../core/batch-lock/lock.ts';
import type { ChunkStore } from '../../core/chunk-cache/ports.ts';
import { retryChunk } from '../../core/chunk-cache/retry.ts';
import { cacheStatistics } from '../../core/chunk-cache/statistics.ts';
import { ChunkNumber } from '../../core/contracts/http.ts';
import type { ChunkRow } from '../../core/contracts/rows.ts';
import { viewSessionCost } from '../../core/ledger/costs.ts';
import type { GpuCost } from '../../core/ledger/ledger-service.ts';
import type { UsageCounter } from '../../core/quota/quota.ts';
import { sessionFor } from '../../core/sessions/access.ts';
import { type CreationDeps, createSession } from '../../core/sessions/creation.ts';
import { type DetailsDeps, sessionDetails } from '../../core/sessions/details.ts';
import type { IngestDeps } from '../../core/sessions/ingest.ts';
import type { SessionStore } from '../../core/sessions/ports.ts';
import { deleteRecording, endRecording } from '../../core/sessions/recording.ts';
import { resumeSession } from '../../core/sessions/resumption.ts';
import { retranscribe, viewRetranscribed } from '../../core/sessions/retranscription.ts';
import { renameSession, viewSession } from '../../core/sessions/session.ts';
import { takeBackParts } from '../../core/sessions/settled.ts';
import { transcribeRange } from '../../core/transcripts/range-request.ts';
import { endpoints } from '../runtime/endpoint.ts';
import { warn } from '../runtime/logger.ts';

export interface SessionsDeps extends IngestDeps, LockDeps, CreationDeps, DetailsDeps {
  readonly sessions: SessionStore;
  readonly chunks: ChunkStore;
  readonly usage: UsageCounter;
  /** A session's share of the GPU cost. */
  readonly costOf: (sessionId: string, chunks: readonly ChunkRow[]) => Promise<GpuCost>;
}

/** Sessions: create, list, show, rename, complete, resume, delete; retry and retranscribe chunks. */
export const buildHandler = (deps: SessionsDeps, clientId: string) =>
  endpoints(
    {
      'POST /api/sessions': async ({ body, caller }) => ({
        status: 201,
        body: viewSession(await createSession(deps, caller.userId, body)),
      }),

      'GET /api/sessions': async ({ query, caller }) => {
        const { items, cursor } = await deps.sessions.listOf(caller.userId, query.limit, query.cursor);
        return { status: 200, body: { sessions: items.map(viewSession), cursor } };
      },

      'GET /api/sessions/{id}': async ({ query, caller, id }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        return { status: 200, body: await sessionDetails(deps, session, query.from) };
      },

      'PATCH /api/sessions/{id}': async ({ body: { title }, caller, id }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        return { status: 200, body: viewSession(title === undefined ? session : await renameSession(deps, session, title)) };
      },

      'DELETE /api/sessions/{id}': async ({ caller, id }) => {
        await deleteRecording(deps, await sessionFor(deps.sessions, caller, id), warn);
        return { status: 204 };
      },

      'GET /api/sessions/{id}/cache': async ({ caller, id }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        return { status: 200, body: { id, ...cacheStatistics(await deps.chunks.listOf(id), session.chunk_count) } };
      },

      'GET /api/sessions/{id}/cost': async ({ caller, id }) => {
        await sessionFor(deps.sessions, caller, id);
        return { status: 200, body: viewSessionCost(id, await deps.costOf(id, await deps.chunks.listOf(id))) };
      },

      'POST /api/sessions/{id}/complete': async ({ body, caller, id }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        const waiting = await endRecording(deps, session, body, warn);
        return { status: 202, body: { id, state: 'completed', chunkCount: body.chunkCount, waiting } };
      },

      'POST /api/sessions/{id}/resume': async ({ headers, caller, id }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        return { status: 200, body: await resumeSession(deps, session, headers['Idempotency-Key']) };
      },

      'POST /api/sessions/{id}/retranscribe': async ({ body, caller, id }) => {
        const session = await retranscribe(deps, await sessionFor(deps.sessions, caller, id), body, deps.models);
        return { status: 202, body: viewRetranscribed(session, await deps.chunks.listOf(id), deps.models) };
      },

      'POST /api/sessions/{id}/chunks/{n}/retry': async ({ caller, id, n }) => {
        const chunkNumber = ChunkNumber.parse(n);
        const session = await sessionFor(deps.sessions, caller, id);
        await retryChunk(deps, id, chunkNumber);
        await takeBackParts(deps.sessions, session, chunkNumber);
        return { status: 202, body: { id, chunkNumber, state: 'pending' } };
      },

      'POST /api/sessions/{id}/transcript/ranges': async ({ body, caller, id }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        return { status: 202, body: await transcribeRange(deps, session, body) };
      },
    },
    clientId,
    deps,
  );
