import { createUpload, type UploadDeps } from '../../core/chunk-cache/upload.ts';
import type { UsageCounter } from '../../core/quota/quota.ts';
import { sessionFor } from '../../core/sessions/access.ts';
import type { SessionStore } from '../../core/sessions/ports.ts';
import { endpoints } from '../runtime/endpoint.ts';

export interface UploadsDeps extends UploadDeps {
  readonly sessions: Pick<SessionStore, 'get'>;
  readonly usage: UsageCounter;
  readonly nowMs: () => number;
}

/** Presigns chunk uploads for recorders. Audio is uploaded directly to S3. */
export const buildHandler = (deps: UploadsDeps, clientId: string) =>
  endpoints(
    {
      'POST /api/sessions/{id}/chunks': async ({ body, caller, id }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        return { status: 201, body: await createUpload(deps, session, body) };
      },
    },
    clientId,
    deps,
  );
