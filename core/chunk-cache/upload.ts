import type * as z from 'zod';
import type { CreateUpload } from '../contracts/http.ts';
import { chunkKey } from '../contracts/keys.ts';
import { MAX_CHUNK_BYTES } from '../contracts/limits.ts';
import { chunkExtensionOf, storedType, TYPES_ACCEPTED } from '../contracts/media.ts';
import type { ChunkRow, SessionRow } from '../contracts/rows.ts';
import { DomainError } from '../errors.ts';
import type { SignedUpload, SignUpload } from '../signing.ts';
import type { ChunkStore } from './ports.ts';

type Request = z.infer<typeof CreateUpload>;

/**
 * Returns the file extension under which an upload is stored.
 * @throws DomainError `too-large`, `unsupported-type`; `chunk-exists` when the number is in use and `replace` is not set
 */
function admitUpload(request: Request, existing: ChunkRow | undefined): string {
  if (request.sizeBytes > MAX_CHUNK_BYTES) {
    throw new DomainError('too-large', `a chunk may have at most ${MAX_CHUNK_BYTES} bytes; split the recording into more chunks`);
  }
  const extension = chunkExtensionOf(request.contentType);
  if (extension === undefined) {
    throw new DomainError('unsupported-type', `the content type must be ${TYPES_ACCEPTED}`);
  }
  if (existing !== undefined && !request.replace) {
    throw new DomainError('chunk-exists', 'this chunk already exists; set replace: true to replace its audio', {
      chunkNumber: existing.chunk_number,
      state: existing.state,
    });
  }
  return extension;
}

/** Dependencies of presigning a chunk's upload. */
export interface UploadDeps {
  readonly chunks: Pick<ChunkStore, 'get' | 'allowReplacement'>;
  readonly sign: SignUpload;
}

/** Presigns the upload of a chunk. @throws DomainError `too-large`, `unsupported-type`, `chunk-exists` */
export async function createUpload(
  { chunks, sign }: UploadDeps,
  { session_id: sessionId, user_id: userId }: SessionRow,
  request: Request,
): Promise<{ readonly key: string; readonly upload: SignedUpload }> {
  const { chunkNumber, contentType, sizeBytes, sha256, durationSeconds, startedAtMs, overlapMs } = request;
  const existing = await chunks.get(sessionId, chunkNumber);
  const extension = admitUpload(request, existing);
  if (existing !== undefined) await chunks.allowReplacement(sessionId, chunkNumber);
  const key = chunkKey({ userId, sessionId, chunkNumber }, extension);
  const declared = { durationSeconds, startedAtMs, overlapMs };
  // The URL of an unused chunk number accepts only one upload.
  const overwrite = existing !== undefined;
  return { key, upload: await sign({ key, contentType: storedType(contentType), sizeBytes, sha256, overwrite, declared }) };
}
