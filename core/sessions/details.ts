import type { ChunkStore } from '../chunk-cache/ports.ts';
import { cacheStatistics, missingChunkNumbers } from '../chunk-cache/statistics.ts';
import type { SessionRow } from '../contracts/rows.ts';
import { viewWait, waitsFor } from '../fleet/pool.ts';
import type { FleetStore } from '../fleet/ports.ts';
import { viewRetranscription } from './retranscription.ts';
import { viewChunk, viewSession } from './session.ts';

/** Where the details of a session are read. */
export interface DetailsDeps {
  readonly chunks: Pick<ChunkStore, 'listFrom'>;
  readonly readPool: FleetStore['readPool'];
  readonly nowMs: () => number;
}

/** A session with its chunks from number `from` on, and why they wait. */
export async function sessionDetails({ chunks, readPool, nowMs }: DetailsDeps, session: SessionRow, from: number) {
  const rows = await chunks.listFrom(session.session_id, from);
  const waits = waitsFor(await readPool(), nowMs());
  return {
    ...viewSession(session),
    retranscription: viewRetranscription(session, rows),
    chunks: rows.map((row) => viewChunk(row, waits?.reason)),
    holes: missingChunkNumbers(rows, session.chunk_count, from),
    statistics: cacheStatistics(rows, session.chunk_count, from),
    waitingFor: waits && rows.some(({ state }) => state === 'pending') ? viewWait(waits) : undefined,
  };
}
