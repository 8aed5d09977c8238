import type * as z from 'zod';
import type { AudioQuery } from '../contracts/http.ts';
import { DOWNLOAD_URL_SECONDS } from '../contracts/limits.ts';
import type { ChunkRow } from '../contracts/rows.ts';
import type { SignDownload } from '../signing.ts';
import { positionsOf } from './positions.ts';

/** A page of a session's chunks with their positions and the URLs of their audio. `next`: first chunk of the next page. */
export async function audioPage(
  rows: readonly ChunkRow[],
  { from, limit }: z.infer<typeof AudioQuery>,
  downloadUrl: SignDownload,
) {
  const positions = positionsOf(rows).filter(({ row }) => row.chunk_number >= from);
  const chunks = await Promise.all(
    positions.slice(0, limit).map(async ({ row, start, end }) => ({
      chunkNumber: row.chunk_number,
      start,
      end,
      url: await downloadUrl(row.object_key),
    })),
  );
  return { chunks, next: positions[limit]?.row.chunk_number, expiresInSeconds: DOWNLOAD_URL_SECONDS };
}
