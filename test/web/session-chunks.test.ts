/** Reading a session again, from its first open chunk on. */
import { expect, test } from 'vitest';
import type * as z from 'zod';
import { SessionDetails } from '../../core/contracts/answers.ts';
import type { ChunkRow } from '../../core/contracts/rows.ts';
import { emptyPool } from '../../core/fleet/rows.ts';
import { sessionDetails } from '../../core/sessions/details.ts';
import { firstOpenChunk, withNewer } from '../../web/src/transcript/session-chunks.ts';
import { memoryChunkStore } from '../support/memory-stores.ts';
import { chunkRow, sessionRow } from '../support/rows.ts';

test('reading only the open chunks gives the same session as reading all of them [session.flat]', async () => {
  const chunks = memoryChunkStore();
  const deps = { chunks, readPool: async () => emptyPool(), nowMs: () => 1 };
  const session = sessionRow({ chunk_count: 9 });
  const read = async (from: number): Promise<z.infer<typeof SessionDetails>> =>
    SessionDetails.parse(JSON.parse(JSON.stringify(await sessionDetails(deps, session, from))));
  const put = (n: number, more: Partial<ChunkRow>): void => chunks.put(chunkRow(n, more));
  const done = (words: number): Partial<ChunkRow> => ({
    state: 'done',
    duration_seconds: 30,
    word_counts: { Wien: words, Graz: 0 },
  });
  put(1, done(2));
  put(2, { state: 'dead', error_message: 'broken' });
  put(4, done(1));
  put(5, { state: 'leased' });
  const known = await read(1);
  expect(firstOpenChunk(known)).toBe(5);
  put(5, done(4));
  put(6, {});
  put(8, {});
  const newer = await read(5);
  expect(newer.chunks.map(({ chunkNumber }) => chunkNumber)).toEqual([5, 6, 8]);
  expect(newer.holes).toEqual([7, 9]);
  expect(withNewer(known, newer, 5)).toEqual(await read(1));
  expect((await read(1)).statistics).toMatchObject({ known: 6, missing: 3, targetWords: { Wien: 7 } });
  expect(firstOpenChunk({ ...known, retranscribing: true })).toBe(1);
});
