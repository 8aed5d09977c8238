/** The assembling function with stream events as DynamoDB sends them. */
import { marshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import { expect, test } from 'vitest';
import type { ChunkRow } from '../../core/contracts/rows.ts';
import { saveCorrections } from '../../core/corrections/settings.ts';
import { buildHandler } from '../../lambdas/assemble/handler.ts';
import { context } from '../support/containment.ts';
import { memoryChunkStore, memoryResults, memorySessionStore, memorySettingsStore } from '../support/memory-stores.ts';
import { chunkRow, chunkTranscript, sessionRow } from '../support/rows.ts';

const [BUSY, VICTIM] = ['user-busy', 'user-victim'];
const RULES = { rules: [{ kind: 'word' as const, match: 'w1-0', replace: 'x', caseSensitive: false }], targetWords: [] };

async function world() {
  const [sessions, chunks, settings] = [memorySessionStore(), memoryChunkStore(), memorySettingsStore()];
  const results = memoryResults(new Map([['r', chunkTranscript(1)]]));
  const assembled: string[] = [];
  const { hasWaiting } = chunks;
  chunks.hasWaiting = (sessionId, from) => {
    assembled.push(sessionId);
    return hasWaiting(sessionId, from);
  };
  const handler = buildHandler({ sessions, chunks, settings, results, nowMs: () => 5 });
  const send = (...rows: object[]) => {
    const images = rows.map(
      (row) => ({ dynamodb: { NewImage: marshall(row, { removeUndefinedValues: true }) } }) as DynamoDBRecord,
    );
    return handler({ Records: images }, context);
  };
  const completed = async (sessionId: string, user: string): Promise<void> => {
    await sessions.create(sessionRow({ session_id: sessionId, user_id: user }));
    await sessions.complete(sessionId, 1, 2);
  };
  /** Stores a newly committed chunk. */
  const done = (sessionId: string, user: string, n = 1): ChunkRow => {
    const row = chunkRow(n, { session_id: sessionId, user_id: user, state: 'done', result_key: 'r', raw_text: 'w1-0', fence: 1 });
    chunks.put(row);
    return row;
  };
  return { sessions, chunks, settings, results, assembled, send, completed, done };
}

test("notes of applied corrections in 5,960 rows assemble nothing; another user's session that completes meanwhile is assembled once [pressure.corrections]", async () => {
  const w = await world();
  await w.completed('session_victim', VICTIM);
  const noted = { corrected_text: 'x', corrections_version: 3 };
  const changes = Array.from({ length: 5960 }, (_, i) => ({ ...chunkRow(i + 1, { state: 'done', user_id: BUSY, ...noted }) }));
  const victim = w.done('session_victim', VICTIM);
  for (let from = 0; from < changes.length; from += 25)
    await w.send(...changes.slice(from, from + 25), ...(from === 2500 ? [victim] : []));
  expect(w.assembled).toEqual(['session_victim']);
  expect(await w.sessions.get('session_victim')).toMatchObject({ transcript_status: 'completed' });
});

test('a commit is assembled if the user has corrections, but the note of applied corrections is not [pressure.corrections]', async () => {
  const w = await world();
  await saveCorrections(w.settings, VICTIM, RULES);
  await w.completed('session_victim', VICTIM);
  await w.send(w.done('session_victim', VICTIM));
  const noted = await w.chunks.get('session_victim', 1);
  expect(noted).toMatchObject({ corrected_text: 'x', corrections_version: 1 });
  expect(w.results.transcript?.text).toBe('x w1-1 w1-2');
  await w.send(noted ?? {});
  expect(w.assembled).toEqual(['session_victim']);
});

test('a failing session does not block the others of its batch, and is retried with them [pressure.contained]', async () => {
  const w = await world();
  for (const id of ['session_bad', 'session_good']) await w.completed(id, VICTIM);
  const rows = ['session_bad', 'session_good'].map((id) => w.done(id, VICTIM));
  const { get } = w.sessions;
  w.sessions.get = async (id) => (id === 'session_bad' ? Promise.reject(new Error('planted')) : get(id));
  await expect(w.send(...rows)).rejects.toThrow('1 of 2 failed');
  expect(await get('session_good')).toMatchObject({ transcript_status: 'completed' });
  w.sessions.get = get;
  await w.send(...rows);
  expect(await get('session_bad')).toMatchObject({ transcript_status: 'completed' });
});

test('a session with several completed chunks in one batch is assembled once [pressure.corrections]', async () => {
  const w = await world();
  await w.completed('session_victim', VICTIM);
  await w.send(...[1, 2, 3].map((n) => w.done('session_victim', VICTIM, n)));
  expect(w.assembled).toEqual(['session_victim']);
});
