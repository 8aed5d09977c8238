import { beforeEach, expect, test } from 'vitest';
import type { ChunkRow } from '../../core/contracts/rows.ts';
import { correctors, saveCorrections } from '../../core/corrections/settings.ts';
import { processDueSessions } from '../../core/sessions/due.ts';
import { ingest } from '../../core/sessions/ingest.ts';
import {
  isRetranscribing,
  type RetranscribeChoice,
  retranscribe,
  viewRetranscription,
} from '../../core/sessions/retranscription.ts';
import { viewSession } from '../../core/sessions/session.ts';
import { assembleSession } from '../../core/transcripts/assemble.ts';
import { saveEdits } from '../../core/transcripts/save-edits.ts';
import { containment } from '../support/containment.ts';
import {
  memoryChunkStore,
  memoryObjects,
  memoryQueue,
  memoryResults,
  memorySessionStore,
  memorySettingsStore,
} from '../support/memory-stores.ts';
import { chunkRow, chunkTranscript, SESSION, sessionRow, USER } from '../support/rows.ts';

const MODELS = ['small', 'large-v3', 'base.en'];
const done = (n: number, more: Partial<ChunkRow> = {}): ChunkRow => {
  const { pending_shard: _none, ...row } = chunkRow(n, {
    state: 'done',
    fence: 1,
    result_key: `old${n}`,
    raw_text: 'old',
    ...more,
  });
  return row;
};

async function world(rows: readonly ChunkRow[] = [done(1), done(2)], session = {}) {
  const [sessions, chunks, objects, queue] = [memorySessionStore(), memoryChunkStore(), memoryObjects(), memoryQueue()];
  const settings = memorySettingsStore();
  const texts = [1, 2, 3].flatMap((n) => {
    const old = chunkTranscript(n);
    const renamed = JSON.parse(JSON.stringify(old).replaceAll(`w${n}-`, `new${n}-`)) as typeof old;
    return [[`old${n}`, old] as const, [`new${n}`, renamed] as const];
  });
  const results = memoryResults(new Map(texts));
  const clock = { ms: 10_000 };
  const wakes = { count: 0 };
  await sessions.create(sessionRow(session));
  for (const row of rows) chunks.put(row);
  await sessions.complete(SESSION, 2, 9_000);
  const deps = {
    ...{ sessions, chunks, objects, queue, results, settings },
    correctorFor: (userId: string) => correctors(settings)(userId),
    wake: async () => void wakes.count++,
    nowMs: () => clock.ms,
  };
  const readSession = async () => {
    const found = await sessions.get(SESSION);
    if (found === undefined) throw new Error('no session');
    return found;
  };
  const w = {
    ...deps,
    deps,
    clock,
    wakes,
    session: readSession,
    assemble: () => assembleSession(deps, SESSION),
    again: async (choice: RetranscribeChoice = {}) => retranscribe(deps, await readSession(), choice, MODELS),
    isUnfinished: async () => isRetranscribing(await readSession(), await chunks.listOf(SESSION)),
    /** Stores a chunk's result, as a worker does. */
    async commit(n: number, result_key = `new${n}`): Promise<void> {
      const row = await chunks.get(SESSION, n);
      if (row === undefined) throw new Error('no such chunk');
      const { pending_shard: _shard, ...rest } = row;
      chunks.put({ ...rest, state: 'done', fence: row.fence + 1, attempts: 1, result_key });
    },
    async fail(n: number): Promise<void> {
      const row = await chunks.get(SESSION, n);
      if (row === undefined) throw new Error('no such chunk');
      const { pending_shard: _shard, ...rest } = row;
      chunks.put({
        ...rest,
        state: 'dead',
        dead_shard: 'dead',
        fence: row.fence + 1,
        error_message: 'the model cannot be loaded',
      });
    },
  };
  await w.assemble();
  return w;
}
let w: Awaited<ReturnType<typeof world>>;
beforeEach(async () => {
  w = await world();
});
const OLD = 'w1-0 w1-1 w1-2 w2-0 w2-1 w2-2';
const NEW = 'new1-0 new1-1 new1-2 new2-0 new2-1 new2-2';

test('a session is transcribed again with another model and language, and keeps its old text until the new one is complete [retranscribe.sessions]', async () => {
  expect(w.results.transcript?.text).toBe(OLD);
  const version = w.results.writes;
  await w.again({ model: 'large-v3', language: 'de' });
  expect(w.queue.sent).toEqual([`files ${SESSION} 1`, `files ${SESSION} 2`]);
  expect(w.wakes.count).toBe(1);
  expect(await w.chunks.get(SESSION, 1)).toMatchObject({
    state: 'pending',
    attempts: 0,
    model: 'large-v3',
    language: 'de',
    result_key: 'old1',
  });
  expect(await w.session()).toMatchObject({ model: 'large-v3', language: 'de' });
  await w.commit(1);
  expect(await w.assemble()).toBe('waiting');
  expect(w.results.writes).toBe(version);
  expect(await w.isUnfinished()).toBe(true);
  expect(viewRetranscription(await w.session(), await w.chunks.listOf(SESSION))).toMatchObject({ chunks: 2, done: 1, failed: 0 });
  await w.commit(2);
  // Until the new transcript is written, the old one is returned.
  expect(viewSession(await w.session()).retranscribing).toBe(true);
  expect(await w.assemble()).toBe('written');
  expect(w.results.transcript?.text).toBe(NEW);
  expect(await w.isUnfinished()).toBe(false);
  expect(viewSession(await w.session()).retranscribing).toBe(false);
});

test('edits and corrections made during a retranscription apply to the old text, and then to the new one [retranscribe.sessions]', async () => {
  await w.again();
  await w.commit(1);
  await saveEdits(w, await w.session(), { version: 0, edits: [{ start: 0, end: 0.5, text: 'edited' }] });
  expect(await w.assemble()).toBe('written');
  expect(w.results.transcript?.text).toBe('edited w1-1 w1-2 w2-0 w2-1 w2-2');
  const rules = [{ kind: 'word', match: 'w2-0', replace: 'fixed', caseSensitive: false }] as const;
  await saveCorrections(w.settings, USER, { rules: [...rules], targetWords: [] });
  expect(await w.assemble()).toBe('written');
  expect(w.results.transcript?.text).toBe('edited w1-1 w1-2 fixed w2-1 w2-2');
  await w.commit(2);
  await w.assemble();
  expect(w.results.transcript?.text).toBe('edited new1-1 new1-2 new2-0 new2-1 new2-2');
});

test('a chunk that fails keeps its old text, and the failure is reported [retranscribe.sessions]', async () => {
  await w.again();
  await w.commit(1);
  await w.fail(2);
  expect(await w.assemble()).toBe('written');
  expect(w.results.transcript).toMatchObject({ text: 'new1-0 new1-1 new1-2 w2-0 w2-1 w2-2', status: 'completed', gaps: [] });
  expect(viewRetranscription(await w.session(), await w.chunks.listOf(SESSION))).toMatchObject({ done: 1, failed: 1 });
  await w.again();
  expect(await w.chunks.get(SESSION, 2)).toMatchObject({ state: 'pending', former: { state: 'dead', result_key: 'old2' } });
  await w.commit(1);
  await w.commit(2);
  await w.assemble();
  expect(w.results.transcript?.text).toBe(NEW);
});

test('concurrent requests are one retranscription; other options are a conflict [retranscribe.sessions]', async () => {
  const [a, b] = await Promise.all([w.again({ language: 'de' }), w.again({ language: 'de' })]);
  expect([a.retranscription?.number, b.retranscription?.number]).toEqual([1, 1]);
  expect(w.queue.sent).toHaveLength(2);
  await w.again({ language: 'de' });
  expect(w.queue.sent).toHaveLength(2);
  await expect(w.again({ language: 'fr' })).rejects.toMatchObject({ code: 'not-ready' });
  await expect(w.again({ model: 'large-v3' })).rejects.toMatchObject({ code: 'not-ready' });
  await w.commit(1);
  await w.commit(2);
  expect((await w.again({ language: 'fr' })).retranscription).toMatchObject({ number: 2 });
});

test('omitted options keep their values; null detects the language; an unknown model or language is refused', async () => {
  await w.again({ model: 'large-v3', language: 'de' });
  for (const n of [1, 2]) await w.commit(n);
  expect(await w.again()).toMatchObject({ model: 'large-v3', language: 'de' });
  for (const n of [1, 2]) await w.commit(n);
  expect((await w.again({ language: null, model: 'small' })).language).toBeUndefined();
  expect((await w.session()).model).toBeUndefined();
  expect(await w.chunks.get(SESSION, 1)).not.toHaveProperty('language');
  for (const n of [1, 2]) await w.commit(n);
  await expect(w.again({ model: 'huge' })).rejects.toMatchObject({ code: 'invalid' });
  await expect(w.again({ model: 'base.en', language: 'de' })).rejects.toMatchObject({ code: 'invalid' });
});

test('a retranscription is refused during the recording, while chunks are transcribed, and without audio', async () => {
  const running = await world([done(1)]);
  const { completed_at_ms: _at, ...recording } = await running.session();
  await expect(retranscribe(running.deps, { ...recording, state: 'recording' }, {}, MODELS)).rejects.toMatchObject({
    code: 'not-ready',
  });
  for (const rows of [[], [done(1), chunkRow(2)], [chunkRow(1, { state: 'leased' })]])
    await expect((await world(rows)).again()).rejects.toMatchObject({ code: 'not-ready' });
});

test('a session that is only stored is queued too', async () => {
  const stored = await world([chunkRow(1, { lane: 'backlog' }), chunkRow(2, { lane: 'backlog' })], { live: false });
  await stored.again({ language: 'de' });
  expect(stored.queue.sent).toEqual([`files ${SESSION} 1`, `files ${SESSION} 2`]);
  expect(await stored.chunks.get(SESSION, 1)).toMatchObject({ lane: 'files', language: 'de' });
  for (const n of [1, 2]) await stored.commit(n);
  expect(await stored.assemble()).toBe('written');
});

test('the keeper continues a call that died; leased chunks are queued later [retranscribe.sessions]', async () => {
  const { transcribeAgain } = w.chunks;
  w.chunks.transcribeAgain = async (row, ...rest) => {
    if (row.chunk_number === 2) throw new Error('the process dies');
    return transcribeAgain(row, ...rest);
  };
  await expect(w.again({ language: 'de' })).rejects.toThrow('the process dies');
  w.chunks.transcribeAgain = transcribeAgain;
  await w.commit(1);
  expect(await w.assemble()).toBe('waiting');
  w.clock.ms += 60_000;
  expect(await processDueSessions(w.deps, containment())).toEqual({ requeued: 1 });
  expect(await w.chunks.get(SESSION, 2)).toMatchObject({ state: 'pending', language: 'de' });
  expect(await processDueSessions(w.deps, containment())).toEqual({});
  await w.commit(2);
  expect(await w.assemble()).toBe('written');
  expect(w.results.transcript?.text).toBe(NEW);
});

test('a late chunk has the options of the retranscription', async () => {
  await w.again({ model: 'large-v3', language: 'de' });
  const key = `users/${USER}/sessions/${SESSION}/chunk-003.webm`;
  w.objects.put({ key, etag: 'etag-3', sizeBytes: 10, modifiedAtMs: 0 });
  await ingest(w.deps, { userId: USER, sessionId: SESSION, chunkNumber: 3 }, key);
  expect(await w.chunks.get(SESSION, 3)).toMatchObject({
    state: 'pending',
    model: 'large-v3',
    language: 'de',
    retranscription: 1,
  });
  expect(await w.assemble()).toBe('waiting');
  for (const n of [1, 2, 3]) await w.commit(n);
  await w.assemble();
  expect(w.results.transcript?.text).toBe(`${NEW} new3-0 new3-1 new3-2`);
});

test('a row that is claimed between read and write is left to its worker', async () => {
  const stored = await world([chunkRow(1, { lane: 'backlog' }), done(2)], { live: false });
  const { listOf } = stored.chunks;
  stored.chunks.listOf = async (id) => {
    const rows = await listOf(id);
    stored.chunks.put(chunkRow(1, { state: 'leased', fence: 1 }));
    return rows;
  };
  await stored.again({ language: 'de' });
  stored.chunks.listOf = listOf;
  expect(await stored.chunks.get(SESSION, 1)).not.toHaveProperty('retranscription');
  await stored.commit(1, 'old1');
  stored.clock.ms += 120_000;
  expect(await processDueSessions(stored.deps, containment())).toEqual({ requeued: 1 });
  expect(await stored.chunks.get(SESSION, 1)).toMatchObject({ state: 'pending', language: 'de' });
});
