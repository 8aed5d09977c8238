import { expect, test } from 'vitest';
import { liveLocks, lock } from '../../core/batch-lock/lock.ts';
import { CALLS } from '../../core/contracts/calls/all.ts';
import { PURGE_AGAIN_SECONDS } from '../../core/contracts/limits.ts';
import { processDueSessions } from '../../core/sessions/due.ts';
import { ingest } from '../../core/sessions/ingest.ts';
import { accessClaims } from '../support/api-event.ts';
import { containment } from '../support/containment.ts';
import { recordingWorld } from '../support/recording-world.ts';
import { chunkRow, SESSION, sessionRow, USER } from '../support/rows.ts';

const keyOf = (n: number): string => `users/${USER}/sessions/${SESSION}/chunk-00${n}.webm`;
const object = (n: number, modifiedAtMs = 0) => ({ key: keyOf(n), etag: `etag-${n}`, sizeBytes: 10, modifiedAtMs });

test('a live session starts the GPU when its recording starts; a session that is only stored does not [session.live]', async () => {
  const w = await recordingWorld();
  await w.call('POST /api/sessions', { body: { live: false } });
  expect(w.wakes.count).toBe(0);
  expect((await w.call('POST /api/sessions', { body: {} })).body).toMatchObject({ live: true });
  expect(w.wakes.count).toBe(1);
});

test('deleting a session deletes its audio, results and rows; later calls return 410 [session.deleted]', async () => {
  const w = await recordingWorld();
  w.done(1);
  w.objects.put(object(1));
  expect(await w.call('DELETE /api/sessions/{id}')).toMatchObject({ status: 204 });
  expect(await w.objects.head(keyOf(1))).toBeUndefined();
  expect(await w.chunks.listOf(SESSION)).toEqual([]);
  for (const route of ['GET /api/sessions/{id}', 'DELETE /api/sessions/{id}', 'GET /api/sessions/{id}/transcript'])
    expect(await w.call(route)).toMatchObject({ status: 410, body: { code: 'deleted' } });
  expect((await w.call('GET /api/sessions')).body).toEqual({ sessions: [] });
});

test('Stop and deletion release the lock of their session only', async () => {
  const w = await recordingWorld();
  const lockOf = async (sessionId: string) => (await liveLocks(w.deps)).some(({ id }) => id === sessionId);
  for (const route of ['POST /api/sessions/{id}/complete', 'DELETE /api/sessions/{id}']) {
    for (const sessionId of [SESSION, 'session_other']) await lock(w.deps, { userId: USER, sessionId });
    await w.call(route, route.startsWith('POST') ? { body: { chunkCount: 0 } } : {});
    expect([await lockOf(SESSION), await lockOf('session_other')]).toEqual([false, true]);
  }
});

test('uploads and worker results that arrive after the deletion of their session are removed [session.deleted]', async () => {
  const w = await recordingWorld();
  await w.call('DELETE /api/sessions/{id}');
  w.objects.put(object(1));
  const place = { userId: USER, sessionId: SESSION, chunkNumber: 1 };
  expect(await ingest(w.deps, place, keyOf(1))).toBe('deleted');
  expect(await w.objects.head(keyOf(1))).toBeUndefined();
  const result = { ...object(1), key: `users/${USER}/sessions/${SESSION}/results/001.1.json` };
  w.objects.put(result);
  w.chunks.put(chunkRow(1));
  w.clock.ms += PURGE_AGAIN_SECONDS * 1000;
  expect(await processDueSessions(w.deps, containment())).toEqual({ purged: 1 });
  expect(await w.objects.head(result.key)).toBeUndefined();
  expect(await w.chunks.listOf(SESSION)).toEqual([]);
  expect(await processDueSessions(w.deps, containment())).toEqual({});
});

test('an abandoned recording is completed with the received chunks; an active one is not [session.abandoned]', async () => {
  const w = await recordingWorld();
  const { body } = await w.call('POST /api/sessions', { body: {} });
  const id = String(body.id);
  w.clock.ms = 29 * 60_000;
  expect(await processDueSessions(w.deps, containment())).toEqual({});
  w.chunks.put(chunkRow(2, { session_id: id, uploaded_at_ms: 20 * 60_000 }));
  w.clock.ms = 31 * 60_000;
  expect(await processDueSessions(w.deps, containment())).toEqual({ postponed: 1 });
  w.clock.ms = 51 * 60_000;
  expect(await processDueSessions(w.deps, containment())).toEqual({ closed: 1 });
  expect(await w.store.get(id)).toMatchObject({ state: 'completed', chunk_count: 2, abandoned: true });
  expect((await w.call('GET /api/sessions/{id}', { id })).body).toMatchObject({ abandoned: true, holes: [1] });
  await w.call('POST /api/sessions/{id}/complete', { id, body: { chunkCount: 3 } });
  expect(await w.store.get(id)).not.toHaveProperty('abandoned');
  expect(await w.store.get(id)).toMatchObject({ chunk_count: 3 });
});

test('a Stop takes precedence over a concurrent automatic completion', async () => {
  const w = await recordingWorld();
  const due = sessionRow({ session_id: 'session_due', due_shard: 'due', due_at_ms: 5 });
  await w.store.create(due);
  await w.store.complete(due.session_id, 7, 6);
  expect(await w.store.closeAbandoned(due, 0, 7)).toBe(false);
  expect(await w.store.get(due.session_id)).toMatchObject({ chunk_count: 7 });
});

test('retrying a permanently failed chunk gives it three new attempts in the lane stop; a second request changes nothing [chunk.retry]', async () => {
  const w = await recordingWorld();
  w.chunks.put(chunkRow(1, { state: 'dead', attempts: 3, deaths: 2, error_message: 'bad', lane: 'backlog' }));
  const retry = { n: '1', body: {} };
  for (let i = 0; i < 2; i++)
    expect(await w.call('POST /api/sessions/{id}/chunks/{n}/retry', retry)).toMatchObject({ status: 202 });
  const row = await w.chunks.get(SESSION, 1);
  expect(row).toMatchObject({ state: 'pending', attempts: 0, lane: 'stop', pending_shard: expect.any(String) });
  expect(row).not.toHaveProperty('error_message');
  expect(row).not.toHaveProperty('deaths');
  expect(w.wakes.count).toBe(2);
});

test.each([
  ['a transcribed chunk', '1', 409, 'not-failed'],
  ['a missing chunk', '9', 404, 'not-found'],
  ['an invalid chunk number', '1x', 422, 'invalid'],
])('%s cannot be retried', async (_what, n, status, code) => {
  const w = await recordingWorld();
  w.done(1);
  expect(await w.call('POST /api/sessions/{id}/chunks/{n}/retry', { n, body: {} })).toMatchObject({ status, body: { code } });
});

test('cache statistics count each chunk once, and the target words of all chunks', async () => {
  const w = await recordingWorld();
  w.done(1);
  w.chunks.put(chunkRow(2, { state: 'done', duration_seconds: 12.5, word_counts: { hello: 2, you: 1 } }));
  w.chunks.put(chunkRow(3, { state: 'done', duration_seconds: 1, word_counts: { hello: 1 } }));
  w.chunks.put(chunkRow(5, { state: 'dead', error_message: 'x' }));
  w.chunks.put(chunkRow(6));
  await w.store.complete(SESSION, 7, 5);
  expect((await w.call('GET /api/sessions/{id}/cache')).body).toEqual({
    id: SESSION,
    known: 5,
    cached: 3,
    failed: 1,
    pending: 1,
    missing: 2,
    secondsCovered: 43.5,
    targetWords: { hello: 3, you: 1 },
  });
});

test('a range request moves pending chunks to the lane stop and retries permanently failed ones [chunk.retry]', async () => {
  const w = await recordingWorld();
  w.done(1);
  w.chunks.put(chunkRow(2, { lane: 'backlog' }));
  w.chunks.put(chunkRow(3, { state: 'dead', error_message: 'x' }));
  w.chunks.put(chunkRow(4));
  const ranges = 'POST /api/sessions/{id}/transcript/ranges';
  expect(await w.call(ranges, { body: { start: 10, end: 89 } })).toMatchObject({
    status: 202,
    body: { status: 'queued', waitingFor: [2, 3], transcript: `/api/sessions/${SESSION}/transcript?start=10&end=89` },
  });
  expect(w.queue.sent).toEqual([`stop ${SESSION} 2`, `stop ${SESSION} 3`]);
  expect(await w.call(ranges, { body: { start: 0, end: 30 } })).toMatchObject({ body: { status: 'completed', waitingFor: [] } });
  expect(await w.call(ranges, { body: { start: 500, end: 600 } })).toMatchObject({ status: 409, body: { code: 'not-ready' } });
  for (const body of [{ start: 5, end: 5 }, { start: -1, end: 5 }, { start: 1 }])
    expect(await w.call(ranges, { body })).toMatchObject({ status: 422 });
});

test('diarization is refused if the stage has no speaker model [speakers]', async () => {
  const w = await recordingWorld();
  expect(await w.call('POST /api/sessions', { body: { diarize: true } })).toMatchObject({
    status: 422,
    body: { detail: expect.stringContaining('no speaker model') },
  });
  expect(await w.call('POST /api/sessions', { body: { diarize: false } })).toMatchObject({ status: 201 });
});

test('a session tells its channels and when it was recorded [media.channels]', async () => {
  const w = await recordingWorld();
  const recordedAt = '2026-03-01T10:30:00+01:00';
  const made = await w.call('POST /api/sessions', { body: { channels: 'separate', recordedAt } });
  expect(made).toMatchObject({ status: 201, body: { channels: 'separate', recordedAt: '2026-03-01T09:30:00.000Z' } });
  const plain = await w.call('POST /api/sessions', { body: { channels: 'mix' } });
  expect(plain.body).not.toHaveProperty('channels');
  expect(plain.body).not.toHaveProperty('recordedAt');
  expect(await w.call('POST /api/sessions', { body: { channels: 'separate', diarize: true } })).toMatchObject({ status: 422 });
});

const BODIES: Readonly<Record<string, object>> = {
  'POST /api/sessions/{id}/chunks': { chunkNumber: 1, contentType: 'audio/webm', sizeBytes: 1 },
  'POST /api/sessions/{id}/complete': { chunkCount: 1 },
  'POST /api/sessions/{id}/transcript/ranges': { start: 0, end: 1 },
  'PUT /api/sessions/{id}/transcript/edits': { version: 0, edits: [] },
  'PUT /api/sessions/{id}/speakers': { speaker: 'S1', name: 'Ana' },
  'POST /api/sessions/{id}/speakers/assign': { start: 0, end: 1, speaker: 'Ana' },
  'PUT /api/sessions/{id}/notes/{note}': { text: 'new', chunkNumber: 1, seconds: 1 },
};

test.each(Object.keys(CALLS).filter((route) => route.includes('/sessions/{id}')))(
  '%s returns 404 for an unknown session and 410 for a deleted one [api.owner]',
  async (route) => {
    const w = await recordingWorld({ canKnowVoices: true });
    w.done(1);
    const method = route.split(' ')[0] ?? '';
    const call = {
      id: SESSION,
      n: '1',
      note: 'one',
      ...(method !== 'GET' && method !== 'DELETE' && { body: BODIES[route] ?? {} }),
    };
    const ask = (more: object) =>
      route.endsWith('/chunks') ? w.presign({}, { route, ...call, ...more }) : w.call(route, { ...call, ...more });
    expect(await ask({ id: 'session_none' })).toMatchObject({ status: 404 });
    await w.call('DELETE /api/sessions/{id}');
    expect(await ask({})).toMatchObject({ status: 410, body: { code: 'deleted' } });
  },
);

test('the owner can retranscribe a completed session and see the progress [retranscribe.sessions]', async () => {
  const w = await recordingWorld();
  const again = (body: object, more = {}) => w.call('POST /api/sessions/{id}/retranscribe', { body, ...more });
  expect(await again({})).toMatchObject({ status: 409, body: { code: 'not-ready' } });
  w.done(1);
  w.done(2);
  await w.call('POST /api/sessions/{id}/complete', { body: { chunkCount: 2 } });
  expect(await again({ language: 'klingon' })).toMatchObject({ status: 422, body: { languages: { de: 'German' } } });
  expect(await again({ model: 'huge' })).toMatchObject({ status: 422, body: { models: ['small', 'base.en'] } });
  expect(await again({ model: 'base.en', language: 'de' })).toMatchObject({ status: 422 });
  expect(await again({}, { claims: accessClaims('other') })).toMatchObject({ status: 403 });
  expect(w.queue.sent).toEqual([]);
  const { status, body } = await again({ language: 'German', model: 'small' });
  expect([status, body]).toMatchObject([
    202,
    { model: 'small', language: 'de', retranscribing: true, retranscription: { chunks: 2, done: 0 } },
  ]);
  expect(CALLS['POST /api/sessions/{id}/retranscribe']?.answers[202]?.safeParse(body).success).toBe(true);
  const details = (await w.call('GET /api/sessions/{id}')).body;
  expect(details).toMatchObject({ language: 'de', retranscribing: true, retranscription: { chunks: 2, done: 0, failed: 0 } });
  expect(CALLS['GET /api/sessions/{id}']?.answers[200]?.safeParse(details).success).toBe(true);
  expect((await again({ language: 'auto' })).status).toBe(409);
});
