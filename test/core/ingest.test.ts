import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type IngestDeps, ingest, queueWhatIsMissing } from '../../core/chunk-cache/ingest.ts';
import { chunkKey } from '../../core/contracts/keys.ts';
import type { SessionRow } from '../../core/contracts/rows.ts';
import { memoryChunkStore, memoryObjects, memoryQueue, memorySessionStore } from '../support/memory-stores.ts';
import { SESSION, sessionRow, USER } from '../support/rows.ts';

async function world(session: Partial<SessionRow> | null = {}) {
  const parts = { sessions: memorySessionStore(), chunks: memoryChunkStore(), objects: memoryObjects(), queue: memoryQueue() };
  let woken = 0;
  if (session !== null) await parts.sessions.create(sessionRow(session));
  const deps: IngestDeps = { ...parts, wake: async () => void woken++, nowMs: () => 5_000 };
  const place = (chunkNumber: number) => ({ userId: USER, sessionId: SESSION, chunkNumber });
  const upload = (chunkNumber: number, etag: string, sizeBytes = 1000): string => {
    const key = chunkKey(place(chunkNumber), 'webm');
    parts.objects.put({ key, etag, sizeBytes, modifiedAtMs: 4_000 });
    return key;
  };
  const arrive = (chunkNumber: number, key: string) => ingest(deps, place(chunkNumber), key);
  return { ...parts, deps, upload, arrive, woken: () => woken };
}

test('an uploaded chunk gets a row, a message in the live lane, and a run', async () => {
  const w = await world();
  expect(await w.arrive(1, w.upload(1, 'a'))).toBe('admitted');
  expect(await w.chunks.get(SESSION, 1)).toMatchObject({ state: 'pending', etag: 'a', attempts: 0, fence: 0, lane: 'live' });
  expect(w.queue.sent).toEqual([`live ${SESSION} 1`]);
  expect(w.woken()).toBe(1);
});

test('events twice, late and in any order make the same rows', async () => {
  const events = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(events, async (numbers) => {
      const w = await world();
      for (const n of new Set(numbers)) w.upload(n, `etag-${n}`);
      for (const n of numbers) await w.arrive(n, chunkKey({ userId: USER, sessionId: SESSION, chunkNumber: n }, 'webm'));
      const rows = await w.chunks.listOf(SESSION);
      expect(rows.map((row) => [row.chunk_number, row.etag, row.fence, row.state])).toEqual(
        [...new Set(numbers)].sort((a, b) => a - b).map((n) => [n, `etag-${n}`, 0, 'pending']),
      );
    }),
    { numRuns: 500 },
  );
});

test('a second delivery sends the message again: the first may have died before it did', async () => {
  const w = await world();
  const key = w.upload(1, 'a');
  await w.arrive(1, key);
  expect(await w.arrive(1, key)).toBe('known');
  expect(w.queue.sent).toHaveLength(2);
});

test('a chunk that is done is not queued again by a late event', async () => {
  const w = await world();
  const key = w.upload(1, 'a');
  await w.arrive(1, key);
  const row = await w.chunks.get(SESSION, 1);
  if (row) w.chunks.put({ ...row, state: 'done' });
  await w.arrive(1, key);
  expect(w.queue.sent).toHaveLength(1);
});

test('other bytes for a number are a conflict, unless a replacement was asked for: then with a new fence', async () => {
  const w = await world();
  await w.arrive(1, w.upload(1, 'a'));
  const row = await w.chunks.get(SESSION, 1);
  if (row) w.chunks.put({ ...row, state: 'done', fence: 3, raw_text: 'old' });
  expect(await w.arrive(1, w.upload(1, 'b'))).toBe('conflict');
  expect(await w.chunks.get(SESSION, 1)).toMatchObject({ state: 'done', etag: 'a' });

  await w.chunks.allowReplacement(SESSION, 1);
  expect(await w.arrive(1, w.upload(1, 'b'))).toBe('admitted');
  const replaced = await w.chunks.get(SESSION, 1);
  expect(replaced).toMatchObject({ state: 'pending', etag: 'b', fence: 4, attempts: 0 });
  expect(replaced).not.toHaveProperty('raw_text');
});

test.each([
  ['an empty file', 0, 'the uploaded file is empty'],
  ['a file that is too large', 26 * 1024 * 1024, 'the uploaded file is larger than a chunk may be'],
])('%s is dead at once, with its reason, and starts nothing', async (_what, sizeBytes, reason) => {
  const w = await world();
  await w.arrive(1, w.upload(1, 'a', sizeBytes));
  expect(await w.chunks.get(SESSION, 1)).toMatchObject({ state: 'dead', error_message: reason });
  expect(w.queue.sent).toEqual([]);
  expect(w.woken()).toBe(0);
});

test('an object under a session that nobody created makes the session of the owner in its key', async () => {
  const w = await world(null);
  await w.arrive(1, w.upload(1, 'a'));
  expect(await w.sessions.get(SESSION)).toMatchObject({ user_id: USER, state: 'recording', live: true });
});

test('an object under a session of somebody else changes nothing', async () => {
  const w = await world({ user_id: 'user-b' });
  expect(await w.arrive(1, w.upload(1, 'a'))).toBe('foreign');
  expect(await w.chunks.listOf(SESSION)).toEqual([]);
});

test('a session that is only stored gets its row but no message and no machine, also on complete', async () => {
  const w = await world({ live: false });
  await w.arrive(1, w.upload(1, 'a'));
  const session = await w.sessions.get(SESSION);
  if (session) await queueWhatIsMissing(w.deps, session);
  expect(await w.chunks.get(SESSION, 1)).toMatchObject({ state: 'pending', lane: 'backlog' });
  expect(w.queue.sent).toEqual([]);
  expect(w.woken()).toBe(0);
});

test('complete queues in the stop lane what waits, also chunks whose event never came', async () => {
  const w = await world();
  await w.arrive(1, w.upload(1, 'a'));
  w.upload(2, 'b');
  const session = await w.sessions.get(SESSION);
  expect(session && (await queueWhatIsMissing(w.deps, session))).toBe(2);
  expect(w.queue.sent.slice(1)).toEqual([`stop ${SESSION} 1`, `stop ${SESSION} 2`]);
  expect((await w.chunks.listOf(SESSION)).map((row) => row.lane)).toEqual(['stop', 'stop']);
});

test('complete sends a message also for a chunk that somebody holds: they may be dead', async () => {
  const w = await world();
  await w.arrive(1, w.upload(1, 'a'));
  const row = await w.chunks.get(SESSION, 1);
  const session = await w.sessions.get(SESSION);
  if (row === undefined || session === undefined) throw new Error('it was uploaded');
  await w.chunks.replace(row, { ...row, state: 'leased', lease_until_ms: 9_000_000 });
  expect(await queueWhatIsMissing(w.deps, session)).toBe(1);
  expect(w.queue.sent.at(-1)).toBe(`stop ${SESSION} 1`);
  expect(await w.chunks.get(SESSION, 1)).toMatchObject({ state: 'leased', lane: 'live' });
});
