import { expect, test } from 'vitest';
import type { ChunkRow } from '../../core/contracts/rows.ts';
import { assembleSession } from '../../core/transcripts/assemble.ts';
import { memoryChunkStore, memoryResults, memorySessionStore } from '../support/memory-stores.ts';
import { chunkRow, chunkTranscript, SESSION, sessionRow } from '../support/rows.ts';

const done = (n: number, fence = 1): ChunkRow =>
  chunkRow(n, { state: 'done', fence, result_key: `r${n}.${fence}`, pending_shard: undefined });

async function world(rows: ChunkRow[], chunkCount?: number) {
  const sessions = memorySessionStore();
  const chunks = memoryChunkStore();
  const results = memoryResults(new Map([1, 2, 3].flatMap((n) => [1, 2].map((fence) => [`r${n}.${fence}`, chunkTranscript(n)]))));
  await sessions.create(sessionRow());
  for (const row of rows) chunks.put(row);
  if (chunkCount !== undefined) await sessions.complete(SESSION, chunkCount, 9_000);
  const deps = { sessions, chunks, results, nowMs: () => 10_000 };
  return { ...deps, assemble: () => assembleSession(deps, SESSION) };
}

test('the transcript is written once every chunk has an end', async () => {
  const w = await world([done(1), chunkRow(2)], 2);
  expect(await w.assemble()).toBe('waiting');
  w.chunks.put(done(2));
  expect(await w.assemble()).toBe('written');
  expect(w.results.transcript).toMatchObject({ status: 'completed', text: 'w1-0 w1-1 w1-2 w2-0 w2-1 w2-2' });
  expect(await w.sessions.get(SESSION)).toMatchObject({ transcript_status: 'completed' });
});

test('nothing is written while the recording runs', async () => {
  const w = await world([done(1)]);
  expect(await w.assemble()).toBe('recording');
  expect(w.results.writes).toBe(0);
});

test('a chunk that never came, and one that failed, make it partial with the reason', async () => {
  const w = await world([done(1), chunkRow(3, { state: 'dead', error_message: 'unsupported-media' })], 3);
  await w.assemble();
  expect(w.results.transcript?.status).toBe('partial');
  expect(w.results.transcript?.gaps.map(({ chunkNumber, reason }) => [chunkNumber, reason])).toEqual([
    [2, 'never uploaded'],
    [3, 'unsupported-media'],
  ]);
});

test('a late chunk is taken in, also above the count said at Stop', async () => {
  const w = await world([done(1)], 1);
  await w.assemble();
  w.chunks.put(done(2));
  expect(await w.assemble()).toBe('written');
  expect(w.results.transcript?.chunks).toHaveLength(2);
});

test('the same rows again change nothing, so that our own note on the session starts no circle', async () => {
  const w = await world([done(1)], 1);
  await w.assemble();
  expect(await w.assemble()).toBe('unchanged');
  expect(w.results.writes).toBe(1);
});

test('an assembly that was overtaken while it read starts again and ends with the newest rows', async () => {
  const w = await world([done(1)], 2);
  const readResult = w.results.readResult;
  let overtaken = false;
  w.results.readResult = async (key) => {
    if (!overtaken) {
      overtaken = true;
      w.chunks.put(done(2));
      expect(await w.assemble()).toBe('written');
    }
    return readResult(key);
  };
  expect(await w.assemble()).toBe('unchanged');
  expect(w.results.transcript?.status).toBe('completed');
});
