import type * as z from 'zod';
import type { ChunkStore } from '../chunk-cache/ports.ts';
import type { AudioQuery } from '../contracts/http.ts';
import { DOWNLOAD_URL_SECONDS } from '../contracts/limits.ts';
import type { SessionRow } from '../contracts/rows.ts';
import type { SignDownload } from '../signing.ts';
import { chunksBefore, type PartReader } from './joined-parts.ts';
import { positionsOf } from './positions.ts';

export interface AudioDeps {
  readonly chunks: Pick<ChunkStore, 'listSome'>;
  readonly results: PartReader;
  readonly downloadUrl: SignDownload;
}

/** A page of a session's chunks with their positions and the URLs of their audio. `next`: first chunk of the next page. */
export async function audioPage(deps: AudioDeps, session: SessionRow, { from, limit }: z.infer<typeof AudioQuery>) {
  const before = await chunksBefore(deps.results, session, from);
  const rows = await deps.chunks.listSome(session.session_id, Math.max(1, before.after), from - before.after + limit + 1);
  const positions = positionsOf(rows, before).filter(({ row }) => row.chunk_number >= from);
  const chunks = await Promise.all(
    positions.slice(0, limit).map(async ({ row, start, end }) => ({
      chunkNumber: row.chunk_number,
      start,
      end,
      url: await deps.downloadUrl(row.object_key),
    })),
  );
  return { chunks, next: positions[limit]?.row.chunk_number, expiresInSeconds: DOWNLOAD_URL_SECONDS };
}
