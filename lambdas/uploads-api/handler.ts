import type { ChunkStore } from '../../core/chunk-cache/ports.ts';
import { admitUpload } from '../../core/chunk-cache/upload.ts';
import { CreateUpload } from '../../core/contracts/http.ts';
import { chunkKey } from '../../core/contracts/keys.ts';
import type { UsageCounter } from '../../core/quota/quota.ts';
import { sessionFor } from '../../core/sessions/access.ts';
import type { SessionStore } from '../../core/sessions/ports.ts';
import type { SignedUpload, UploadToSign } from '../adapters/s3-objects.ts';
import { bodyRoute, endpoints, json } from '../runtime/endpoint.ts';

export interface UploadsDeps {
  readonly sessions: Pick<SessionStore, 'get'>;
  readonly chunks: Pick<ChunkStore, 'get' | 'allowReplacement'>;
  readonly usage: UsageCounter;
  readonly nowMs: () => number;
  readonly sign: (upload: UploadToSign) => Promise<SignedUpload>;
}

/** Presigns chunk uploads for recorders. Audio is uploaded directly to S3. */
export const buildHandler = (deps: UploadsDeps, clientId: string) =>
  endpoints(
    {
      'POST /api/sessions/{id}/chunks': bodyRoute(CreateUpload, async ({ input, caller, id }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        const existing = await deps.chunks.get(id, input.chunkNumber);
        const extension = admitUpload(input, existing);
        if (existing !== undefined) await deps.chunks.allowReplacement(id, input.chunkNumber);
        const key = chunkKey({ userId: session.user_id, sessionId: id, chunkNumber: input.chunkNumber }, extension);
        const { contentType, sizeBytes, sha256, durationSeconds, startedAtMs, overlapMs } = input;
        const declared = { durationSeconds, startedAtMs, overlapMs };
        // The URL of an unused chunk number accepts only one upload.
        const overwrite = existing !== undefined;
        const upload = await deps.sign({ key, contentType, sizeBytes, sha256, overwrite, declared });
        return json(201, { key, upload });
      }),
    },
    clientId,
    deps,
  );
