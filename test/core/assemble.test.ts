import { expect, test } from 'vitest';
import type { ChunkRow } from '../../core/contracts/rows.ts';
import { correctors, saveCorrections } from '../../core/corrections/settings.ts';
import { completeSession } from '../../core/sessions/completion.ts';
import { assembleSession } from '../../core/transcripts/assemble.ts';
import { joinChunks } from '../../core/transcripts/join.ts';
import { processNewResults } from '../../core/transcripts/new-results.ts';
import { outcomesOf } from '../../core/transcripts/outcomes.ts';
import {
  memoryChunkStore,
  memoryObjects,
  memoryQueue,
  memoryResults,
  memorySessionStore,
  memorySettingsStore,
} from '../support/memory-stores.ts';
import { chunkRow, chunkTranscript, SESSION, sessionRow, USER } from '../support/rows.ts';

const done = (n: number, fence = 1): ChunkRow =>
  chunkRow(n, { state: 'done', fence, result_key: `r${n}.${fence}`, pending_shard: undefined });

async function world(rows: ChunkRow[], chunkCount?: number) {
  const sessions = memorySessionStore();
  const chunks = memoryChunkStore();
  const numbers = Array.from({ length: 40 }, (_, i) => i + 1);
  const results = memoryResults(
    new Map(numbers.flatMap((n) => [1, 2].map((fence) => [`r${n}.${fence}`, chunkTranscript(n, 30, 2 + fence)]))),
  );
  await sessions.create(sessionRow());
  for (const row of rows) chunks.put(row);
  if (chunkCount !== undefined) await sessions.complete(SESSION, chunkCount, 9_000);
  const settings = memorySettingsStore();
  const deps = {
    sessions,
    chunks,
    results,
    settings,
    correctorFor: (userId: string) => correctors(settings)(userId),
    nowMs: () => 10_000,
  };
  return { ...deps, assemble: () => assembleSession(deps, SESSION) };
}

test('the transcript is written once every chunk is done or dead', async () => {
  const w = await world([done(1), chunkRow(2)], 2);
  expect(await w.assemble()).toBe('waiting');
  w.chunks.put(done(2));
  expect(await w.assemble()).toBe('written');
  expect(w.results.transcript).toMatchObject({ status: 'completed', text: 'w1-0 w1-1 w1-2 w2-0 w2-1 w2-2' });
  expect(await w.sessions.get(SESSION)).toMatchObject({ transcript_status: 'completed' });
});

test('nothing is written during the recording', async () => {
  const w = await world([done(1)]);
  expect(await w.assemble()).toBe('recording');
  expect(w.results.writes).toBe(0);
});

test('missing and failed chunks make the transcript partial, with the reasons', async () => {
  const w = await world([done(1), chunkRow(3, { state: 'dead', error_message: 'unsupported-media' })], 3);
  await w.assemble();
  expect(w.results.transcript?.status).toBe('partial');
  expect(w.results.transcript?.gaps.map(({ chunkNumber, reason }) => [chunkNumber, reason])).toEqual([
    [2, 'never uploaded'],
    [3, 'unsupported-media'],
  ]);
});

test('a late chunk is included, even above the chunk count given at Stop [recording.order]', async () => {
  const w = await world([done(1)], 1);
  await w.assemble();
  w.chunks.put(done(2));
  expect(await processNewResults(w, SESSION, [done(2)])).toBe('written');
  expect(w.results.transcript?.chunks).toHaveLength(2);
});

test('assembling unchanged rows writes nothing, so the update of the session triggers no loop', async () => {
  const w = await world([done(1)], 1);
  await w.assemble();
  expect(await w.assemble()).toBe('unchanged');
  expect(w.results.writes).toBe(1);
});

test('an assembly that a newer one overtakes starts again and ends with the newest rows [transcript.never-back]', async () => {
  const w = await world([done(1)], 2);
  const readResult = w.results.readResult;
  let overtaken = false;
  w.results.readResult = async (key) => {
    if (!overtaken) {
      overtaken = true;
      w.chunks.put(done(2));
      expect(await processNewResults(w, SESSION, [done(2)])).toBe('written');
    }
    return readResult(key);
  };
  expect(await w.assemble()).toBe('unchanged');
  expect(w.results.transcript?.status).toBe('completed');
});

/** Puts chunks that are transcribed one after the other, and delivers the stream record of each. */
async function record(w: Awaited<ReturnType<typeof world>>, count: number): Promise<void> {
  for (let n = 1; n <= count; n++) {
    w.chunks.put(done(n));
    await processNewResults(w, SESSION, [done(n)]);
  }
}

test('the text is joined during the recording, so its end reads only the newest results, whatever the length [session.flat]', async () => {
  const reads = async (count: number): Promise<number> => {
    const w = await world([]);
    await record(w, count);
    w.results.reads.length = 0;
    await w.sessions.complete(SESSION, count, 9_000);
    expect(await w.assemble()).toBe('written');
    expect(w.results.transcript?.chunks).toHaveLength(count);
    return w.results.reads.length;
  };
  expect(await reads(10)).toBe(2);
  expect(await reads(34)).toBe(2);
});

test('parts of the text that contain replaced audio are not used, and are written again', async () => {
  const w = await world([]);
  await record(w, 24);
  w.chunks.put(done(11, 2));
  await processNewResults(w, SESSION, [done(11, 2)]);
  expect((await w.sessions.get(SESSION))?.settled_chunks).toBe(8);
  w.chunks.put(done(25));
  await processNewResults(w, SESSION, [done(25)]);
  expect((await w.sessions.get(SESSION))?.settled_chunks).toBe(24);
  await w.sessions.complete(SESSION, 25, 9_000);
  await w.assemble();
  expect(w.results.transcript?.segments).toEqual(
    joinChunks(SESSION, await outcomesOf(w.results, sessionRow(), await w.chunks.listOf(SESSION))).segments,
  );
});

test('a chunk that waits again at Stop is waited for, although the text of the recording contained it', async () => {
  const w = await world([]);
  await record(w, 24);
  w.chunks.put(chunkRow(5)); // a failed chunk that the user retried
  const deps = { ...w, objects: memoryObjects(), queue: memoryQueue(), wake: async () => undefined };
  const session = await w.sessions.get(SESSION);
  if (session === undefined) throw new Error('no session');
  await completeSession(deps, session, 24);
  expect(await w.assemble()).toBe('waiting');
  w.chunks.put(done(5, 2));
  expect(await processNewResults(w, SESSION, [done(5, 2)])).toBe('written');
  expect(w.results.transcript?.text).toContain('w5-3');
});

test('corrections apply to the text and its segments, not to the words; new corrections rewrite the transcript', async () => {
  const w = await world([done(1)], 1);
  const rule = { kind: 'literal', match: 'w1-1', replace: 'Wien', caseSensitive: false } as const;
  await saveCorrections(w.settings, USER, { rules: [rule], targetWords: [] });
  await w.assemble();
  expect(w.results.transcript?.text).toBe('w1-0 Wien w1-2');
  expect(w.results.transcript?.segments[0]?.words[1]?.word).toBe(' w1-1');
  await saveCorrections(w.settings, USER, { rules: [], targetWords: [] });
  expect(await w.assemble()).toBe('written');
  expect(w.results.transcript?.text).toBe('w1-0 w1-1 w1-2');
});

test('a session that is deleted while its transcript is written has no transcript [session.deleted]', async () => {
  const w = await world([done(1)], 1);
  const write = w.results.writeTranscript;
  w.results.writeTranscript = async (...given) => {
    await w.sessions.markDeleted(sessionRow(), 10_000, 20_000);
    return write(...given);
  };
  expect(await w.assemble()).toBe('deleted');
  expect(w.results.transcript).toBeUndefined();
});
