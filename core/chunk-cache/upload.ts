import type * as z from 'zod';
import type { CreateUpload } from '../contracts/http.ts';
import { MAX_CHUNK_BYTES } from '../contracts/limits.ts';
import { bareType, EXTENSION_OF_TYPE } from '../contracts/media.ts';
import type { ChunkRow } from '../contracts/rows.ts';
import { DomainError } from '../errors.ts';

/**
 * Returns the file extension under which an upload is stored.
 * @throws DomainError `too-large`, `unsupported-type`; `chunk-exists` when the number is in use and `replace` is not set
 */
export function admitUpload(input: z.infer<typeof CreateUpload>, existing: ChunkRow | undefined): string {
  if (input.sizeBytes > MAX_CHUNK_BYTES) {
    throw new DomainError('too-large', `a chunk may have at most ${MAX_CHUNK_BYTES} bytes; split the recording into more chunks`);
  }
  const extension = EXTENSION_OF_TYPE[bareType(input.contentType)];
  if (extension === undefined) {
    throw new DomainError('unsupported-type', `send one of these types: ${Object.keys(EXTENSION_OF_TYPE).join(', ')}`);
  }
  if (existing !== undefined && !input.replace) {
    throw new DomainError('chunk-exists', 'this chunk already exists; set replace: true to replace its audio', {
      chunkNumber: existing.chunk_number,
      state: existing.state,
    });
  }
  return extension;
}
