import type * as z from 'zod';
import type { CreateUpload } from '../contracts/http.ts';
import { MAX_CHUNK_BYTES } from '../contracts/limits.ts';
import { bareType, EXTENSION_OF_TYPE } from '../contracts/media.ts';
import type { ChunkRow } from '../contracts/rows.ts';
import { DomainError } from '../errors.ts';

/**
 * Extension under which an upload will be stored.
 * @throws DomainError `too-large`, `unsupported-type`; `chunk-exists` when the number is taken and no replacement was asked for
 */
export function admitUpload(input: z.infer<typeof CreateUpload>, existing: ChunkRow | undefined): string {
  if (input.sizeBytes > MAX_CHUNK_BYTES) {
    throw new DomainError('too-large', `a chunk may have ${MAX_CHUNK_BYTES} bytes; send longer recordings as more chunks`);
  }
  const extension = EXTENSION_OF_TYPE[bareType(input.contentType)];
  if (extension === undefined) {
    throw new DomainError('unsupported-type', `send one of ${Object.keys(EXTENSION_OF_TYPE).join(', ')}`);
  }
  if (existing !== undefined && !input.replace) {
    throw new DomainError('chunk-exists', 'this chunk is there already; ask with replace: true to put other audio in its place', {
      chunkNumber: existing.chunk_number,
      state: existing.state,
    });
  }
  return extension;
}
