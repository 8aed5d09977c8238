import fc from 'fast-check';
import { expect, test } from 'vitest';
import { requeueUnserved } from '../../core/chunk-cache/unserved.ts';
import { chunkKey } from '../../core/contracts/keys.ts';
import { UNSERVED_SECONDS } from '../../core/contracts/limits.ts';
import type { SessionRow } from '../../core/contracts/rows.ts';
import { completeSession } from '../../core/sessions/completion.ts';
import { type IngestDeps, ingest, ingestMissing, queueUnfinished } from '../../core/sessions/ingest.ts';
import { memoryChunkStore, memoryObjects, memoryQueue, memorySessionStore } from '../support/memory-stores.ts';
import { chunkRow, SESSION, sessionRow, USER } from '../support/rows.ts';

/** Ingests and queues the chunks of a session, as Stop does. */
const ingestAndQueue = async (deps: IngestDeps, session: SessionRow): Promise<number> =>
  queueUnfinished(deps, session, await ingestMissing(deps, session));

async function world(session: Partial<SessionRow> | null = {}) {
  const parts = { sessions: memorySessionStore(), chunks: memoryChunkStore(), objects: memoryObjects(), queue: memoryQueue() };
  let woken = 0;
  if (session !== null) await parts.sessions.create(sessionRow(session));
  const deps: IngestDeps = { ...parts, wake: async () => void woken++, nowMs: () => 5_000 };
  const place = (chunkNumber: number) => ({ userId: USER, sessionId: SESSION, chunkNumber });
  const upload = (chunkNumber: number, etag: string, sizeBytes = 1000, extension: 'webm' | 'wav' = 'webm'): string => {
    const key = chunkKey(place(chunkNumber), extension);
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

test('a chunk has the numbers of speakers of its session; sessions of older versions have none [speakers.number]', async () => {
  const numbers = { min_speakers: 2, max_speakers: 3 };
  for (const known of [numbers, {}]) {
    const w = await world({ diarize: true, ...known });
    await w.arrive(1, w.upload(1, 'a'));
    const { min_speakers, max_speakers } = (await w.chunks.get(SESSION, 1)) ?? {};
    expect({ min_speakers, max_speakers }).toEqual({ min_speakers: undefined, max_speakers: undefined, ...known });
  }
});

test('repeated, late and reordered events create the same rows [recording.order]', async () => {
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

test('a second delivery sends the message again, because the first may have died before', async () => {
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

test('another object with the same number is a conflict, unless a replacement was requested; a replacement has a new fence [recording.replace]', async () => {
  const w = await world();
  await w.arrive(1, w.upload(1, 'a'));
  const row = await w.chunks.get(SESSION, 1);
  if (row) w.chunks.put({ ...row, state: 'done', fence: 3, raw_text: 'old' });
  expect(await w.arrive(1, w.upload(1, 'b', 1000, 'wav'))).toBe('conflict');
  expect(await w.chunks.get(SESSION, 1)).toMatchObject({ state: 'done', etag: 'a' });

  await w.chunks.allowReplacement(SESSION, 1);
  expect(await w.arrive(1, w.upload(1, 'b', 1000, 'wav'))).toBe('admitted');
  const replaced = await w.chunks.get(SESSION, 1);
  expect(replaced).toMatchObject({ state: 'pending', etag: 'b', fence: 4, attempts: 0 });
  expect(replaced).not.toHaveProperty('raw_text');
});

test('an object that overwrote another under the same key replaces it, requested or not, because the old one is gone [pressure.overwritten]', async () => {
  const w = await world();
  await w.arrive(1, w.upload(1, 'a'));
  const row = await w.chunks.get(SESSION, 1);
  if (row) w.chunks.put({ ...row, state: 'done', fence: 3, raw_text: 'of a' });
  expect(await w.arrive(1, w.upload(1, 'b'))).toBe('admitted');
  const replaced = await w.chunks.get(SESSION, 1);
  expect(replaced).toMatchObject({ state: 'pending', etag: 'b', fence: 4, attempts: 0 });
  expect(replaced).not.toHaveProperty('raw_text');
});

test.each([true, false])(
  'of two uploads under one key the newest counts, in whatever order their events are processed (row known: %s) [pressure.overwritten]',
  async (known) => {
    const w = await world();
    if (known) await w.arrive(1, w.upload(1, '0'));
    const key = w.upload(1, 'a');
    const { head } = w.objects;
    // The first event reads the older object and continues only after the second event.
    w.objects.head = async (asked) => {
      w.objects.head = head;
      const older = await head(asked);
      w.upload(1, 'b');
      await w.arrive(1, key);
      return older;
    };
    await w.arrive(1, key);
    expect(await w.chunks.get(SESSION, 1)).toMatchObject({ state: 'pending', etag: 'b' });
  },
);

test('an object under another key that is older than the current one is not accepted as a replacement [pressure.overwritten]', async () => {
  const w = await world();
  await w.arrive(1, w.upload(1, 'a'));
  const row = await w.chunks.get(SESSION, 1);
  if (row) w.chunks.put({ ...row, replace_allowed: true, uploaded_at_ms: 9_000 });
  expect(await w.arrive(1, w.upload(1, 'old', 1000, 'wav'))).toBe('conflict');
});

test('Stop finds audio that was overwritten without an event [pressure.overwritten]', async () => {
  const w = await world();
  await w.arrive(1, w.upload(1, 'a'));
  const row = await w.chunks.get(SESSION, 1);
  if (row) w.chunks.put({ ...row, state: 'done' });
  w.upload(1, 'b');
  const session = await w.sessions.get(SESSION);
  expect(session && (await ingestAndQueue(w.deps, session))).toBe(1);
  expect(await w.chunks.get(SESSION, 1)).toMatchObject({ state: 'pending', etag: 'b' });
});

test('for 1,700 pending chunks the state is written before any message, and one call queues them all [pressure.complete]', async () => {
  const w = await world();
  for (let n = 1; n <= 1700; n += 1) w.chunks.put(chunkRow(n));
  const states: (string | undefined)[] = [];
  const calls: number[] = [];
  w.queue.sendMany = async (_lane, chunks) => {
    calls.push(chunks.length);
    states.push((await w.sessions.get(SESSION))?.state);
  };
  w.queue.send = async () => Promise.reject(new Error('one by one'));
  const session = await w.sessions.get(SESSION);
  expect(session && (await completeSession({ ...w.deps, sessions: w.sessions }, session, 1700))).toBe(1700);
  expect([calls, states]).toEqual([[1700], ['completed']]);
});

test('a Stop that dies after it wrote the state leaves rows that the reaper queues [pressure.complete]', async () => {
  const w = await world();
  for (const n of [1, 2]) w.upload(n, `e${n}`);
  const { sendMany } = w.queue;
  w.queue.sendMany = async () => Promise.reject(new Error('planted'));
  const session = await w.sessions.get(SESSION);
  if (session === undefined) throw new Error('the session was created');
  await expect(completeSession({ ...w.deps, sessions: w.sessions }, session, 2)).rejects.toThrow('planted');
  expect(await w.sessions.get(SESSION)).toMatchObject({ state: 'completed', chunk_count: 2 });
  w.queue.sendMany = sendMany;
  const later = { ...w.deps, nowMs: () => 5_000 + 1000 * (UNSERVED_SECONDS + 1) };
  expect(await requeueUnserved(later, 'unserved')).toBe(2);
  expect(w.queue.sent).toEqual([`stop ${SESSION} 1`, `stop ${SESSION} 2`]);
});

test.each([
  ['an empty file', 0, 'the uploaded file is empty'],
  ['a file that is too large', 26 * 1024 * 1024, 'the uploaded file exceeds the maximum chunk size'],
])('%s is dead at once, with its reason, and starts no run', async (_what, sizeBytes, reason) => {
  const w = await world();
  await w.arrive(1, w.upload(1, 'a', sizeBytes));
  expect(await w.chunks.get(SESSION, 1)).toMatchObject({ state: 'dead', error_message: reason });
  expect(w.queue.sent).toEqual([]);
  expect(w.woken()).toBe(0);
});

test('an object under an unknown session creates the session for the owner in its key', async () => {
  const w = await world(null);
  await w.arrive(1, w.upload(1, 'a'));
  expect(await w.sessions.get(SESSION)).toMatchObject({ user_id: USER, state: 'recording', live: true });
});

test('an object under a session of another user changes nothing', async () => {
  const w = await world({ user_id: 'user-b' });
  expect(await w.arrive(1, w.upload(1, 'a'))).toBe('foreign');
  expect(await w.chunks.listOf(SESSION)).toEqual([]);
});

test('chunks of a stored-only session get rows but no message and no machine, also on complete [recording.stored-only]', async () => {
  const w = await world({ live: false });
  await w.arrive(1, w.upload(1, 'a'));
  const session = await w.sessions.get(SESSION);
  if (session) await ingestAndQueue(w.deps, session);
  expect(await w.chunks.get(SESSION, 1)).toMatchObject({ state: 'pending', lane: 'backlog' });
  expect(w.queue.sent).toEqual([]);
  expect(w.woken()).toBe(0);
});

test('complete queues all pending chunks in the stop lane, also chunks whose event was lost', async () => {
  const w = await world();
  await w.arrive(1, w.upload(1, 'a'));
  w.upload(2, 'b');
  const session = await w.sessions.get(SESSION);
  expect(session && (await ingestAndQueue(w.deps, session))).toBe(2);
  expect(w.queue.sent.slice(1)).toEqual([`stop ${SESSION} 1`, `stop ${SESSION} 2`]);
  expect((await w.chunks.listOf(SESSION)).map((row) => row.lane)).toEqual(['stop', 'stop']);
});

test('complete also queues leased chunks, because their worker may be dead', async () => {
  const w = await world();
  await w.arrive(1, w.upload(1, 'a'));
  const row = await w.chunks.get(SESSION, 1);
  const session = await w.sessions.get(SESSION);
  if (row === undefined || session === undefined) throw new Error('the chunk was uploaded');
  await w.chunks.replace(row, { ...row, state: 'leased', lease_until_ms: 9_000_000 });
  expect(await ingestAndQueue(w.deps, session)).toBe(1);
  expect(w.queue.sent.at(-1)).toBe(`stop ${SESSION} 1`);
  expect(await w.chunks.get(SESSION, 1)).toMatchObject({ state: 'leased', lane: 'live' });
});
