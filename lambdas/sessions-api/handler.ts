import * as z from 'zod';
import { type IngestDeps, queueWhatIsMissing } from '../../core/chunk-cache/ingest.ts';
import { CompleteSession, CreateSession, ListQuery } from '../../core/contracts/http.ts';
import type { ChunkRow } from '../../core/contracts/rows.ts';
import { waitsFor } from '../../core/fleet/pool.ts';
import type { FleetStore } from '../../core/fleet/ports.ts';
import type { GpuCost } from '../../core/ledger/ledger-service.ts';
import { sessionFor } from '../../core/sessions/access.ts';
import type { SessionStore } from '../../core/sessions/ports.ts';
import { holes, newSession, viewChunk, viewSession } from '../../core/sessions/session.ts';
import { bodyRoute, endpoints, json, queryRoute } from '../runtime/endpoint.ts';

export interface SessionsDeps extends IngestDeps {
  readonly sessions: SessionStore;
  readonly newUlid: () => string;
  readonly readPool: FleetStore['readPool'];
  /** A session's share of what the GPU costs. */
  readonly costOf: (sessionId: string, chunks: readonly ChunkRow[]) => Promise<GpuCost>;
}

const viewWait = ({ reason, untilMs }: { reason: string; untilMs: number }) => ({
  reason,
  until: new Date(untilMs).toISOString(),
});

/** Sessions: create, list, look at, and say that the recording has stopped. */
export const buildHandler = (deps: SessionsDeps, clientId: string) =>
  endpoints(
    {
      'POST /api/sessions': bodyRoute(CreateSession, async ({ input, caller }) => {
        const session = newSession(input, caller.userId, deps.newUlid(), deps.nowMs());
        await deps.sessions.create(session);
        return json(201, viewSession(session));
      }),

      'GET /api/sessions': queryRoute(ListQuery, async ({ input, caller }) => {
        const { items, cursor } = await deps.sessions.listOf(caller.userId, input.limit, input.cursor);
        return json(200, { sessions: items.map(viewSession), cursor });
      }),

      'GET /api/sessions/{id}': queryRoute(z.object({}), async ({ caller, id }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        const rows = await deps.chunks.listOf(id);
        const waits = waitsFor(await deps.readPool(), deps.nowMs());
        return json(200, {
          ...viewSession(session),
          chunks: rows.map((row) => viewChunk(row, waits?.reason)),
          holes: holes(rows, session.chunk_count),
          waitingFor: waits && rows.some(({ state }) => state === 'pending') ? viewWait(waits) : undefined,
        });
      }),

      'GET /api/sessions/{id}/cost': queryRoute(z.object({}), async ({ caller, id }) => {
        await sessionFor(deps.sessions, caller, id);
        const { gpuSeconds, usd } = await deps.costOf(id, await deps.chunks.listOf(id));
        return json(200, { id, gpuSeconds: Math.round(gpuSeconds * 10) / 10, usd: Math.round(usd * 1e6) / 1e6 });
      }),

      'POST /api/sessions/{id}/complete': bodyRoute(CompleteSession, async ({ input, caller, id }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        // First: a completed session without rows for its chunks would be written down as one with holes.
        const waiting = await queueWhatIsMissing(deps, session);
        await deps.sessions.complete(id, input.chunkCount, deps.nowMs());
        return json(202, { id, state: 'completed', chunkCount: input.chunkCount, waiting });
      }),
    },
    clientId,
  );
