import * as z from 'zod';
import { type IngestDeps, queueWhatIsMissing } from '../../core/chunk-cache/ingest.ts';
import { CompleteSession, CreateSession, ListQuery } from '../../core/contracts/http.ts';
import { sessionFor } from '../../core/sessions/access.ts';
import type { SessionStore } from '../../core/sessions/ports.ts';
import { holes, newSession, viewChunk, viewSession } from '../../core/sessions/session.ts';
import { bodyRoute, endpoints, json, queryRoute } from '../runtime/endpoint.ts';

export interface SessionsDeps extends IngestDeps {
  readonly sessions: SessionStore;
  readonly newUlid: () => string;
}

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
        return json(200, { ...viewSession(session), chunks: rows.map(viewChunk), holes: holes(rows, session.chunk_count) });
      }),

      'POST /api/sessions/{id}/complete': bodyRoute(CompleteSession, async ({ input, caller, id }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        await deps.sessions.complete(id, input.chunkCount, deps.nowMs());
        const waiting = await queueWhatIsMissing(deps, session);
        return json(202, { id, state: 'completed', chunkCount: input.chunkCount, waiting });
      }),
    },
    clientId,
  );
