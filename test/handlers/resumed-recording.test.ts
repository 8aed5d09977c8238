/** Recordings that go on, their titles, notes and defaults. */
import { expect, test } from 'vitest';
import { MAX_NOTES } from '../../core/contracts/notes.ts';
import { ingest } from '../../core/sessions/ingest.ts';
import { assembleSession } from '../../core/transcripts/assemble.ts';
import { recordingWorld } from '../support/recording-world.ts';
import { SESSION, sessionRow, USER } from '../support/rows.ts';

const RESUME = 'POST /api/sessions/{id}/resume';
const COMPLETE = 'POST /api/sessions/{id}/complete';
const TRANSCRIPT = 'GET /api/sessions/{id}/transcript';
const NOTES = 'GET /api/sessions/{id}/notes';
const PUT_NOTE = 'PUT /api/sessions/{id}/notes/{note}';
const by = (key: string) => ({ headers: { 'idempotency-key': key } });

async function completedWorld() {
  const w = await recordingWorld();
  const correctorFor = async () => ({ correct: (text: string) => text, count: () => ({}), version: 0 });
  const assemble = () => assembleSession({ ...w.deps, results: w.results, correctorFor }, SESSION);
  w.done(1);
  await w.call(COMPLETE, { body: { chunkCount: 1 } });
  expect(await assemble()).toBe('written');
  return { ...w, assemble };
}

test('a completed recording goes on: its text grows from the next chunk number on, and is final again after Stop [session.resumed]', async () => {
  const w = await completedWorld();
  const wakes = w.wakes.count;
  expect(await w.call(RESUME, by('a'))).toMatchObject({ status: 200, body: { state: 'recording', nextChunkNumber: 2 } });
  expect(w.wakes.count).toBe(wakes + 1);
  expect((await w.call(TRANSCRIPT)).body).toMatchObject({ final: false, text: 'w1-0 w1-1 w1-2' });
  expect(await w.assemble()).toBe('recording');
  w.done(2);
  await w.call(COMPLETE, { body: { chunkCount: 2 } });
  expect(await w.assemble()).toBe('written');
  expect((await w.call(TRANSCRIPT)).body).toMatchObject({ final: true, text: 'w1-0 w1-1 w1-2 w2-0 w2-1 w2-2' });
});

test('chunk numbers that were declared but never arrived are not used again [session.resumed]', async () => {
  const w = await completedWorld();
  await w.call(COMPLETE, { body: { chunkCount: 4 } });
  expect((await w.call(RESUME, by('a'))).body).toMatchObject({ nextChunkNumber: 5 });
});

test('two recorders cannot go on with one recording, and a repeated request is no second recorder [session.resumed]', async () => {
  const w = await completedWorld();
  const keys = ['a', 'b'];
  const responses = await Promise.all(keys.map((key) => w.call(RESUME, by(key))));
  expect(responses.map(({ status }) => status).sort()).toEqual([200, 409]);
  const [winner, loser] = responses[0]?.status === 200 ? keys : keys.toReversed();
  expect(await w.call(RESUME, by(winner ?? ''))).toMatchObject({ status: 200, body: { nextChunkNumber: 2 } });
  expect(await w.call(RESUME, by(loser ?? ''))).toMatchObject({ status: 409, body: { code: 'session-active' } });
  expect(await w.store.get(SESSION)).toMatchObject({ resumptions: 1 });
  await w.call(COMPLETE, { body: { chunkCount: 1 } });
  // A delayed request of the recorder that has stopped does not open the session again.
  expect(await w.call(RESUME, by(winner ?? ''))).toMatchObject({ status: 422, body: { code: 'idempotency-mismatch' } });
  expect(await w.store.get(SESSION)).toMatchObject({ state: 'completed' });
});

test('a request without a key goes on, too; a second one does not [session.resumed]', async () => {
  const w = await completedWorld();
  expect(await w.call(RESUME)).toMatchObject({ status: 200, body: { nextChunkNumber: 2, resumptions: 1 } });
  expect(await w.call(RESUME)).toMatchObject({ status: 409, body: { code: 'session-active' } });
});

test('a delayed end of an earlier recorder does not end the recording that has gone on since [session.resumed]', async () => {
  const w = await completedWorld();
  await w.call(RESUME, by('a'));
  const complete = (resumptions: number) => w.call(COMPLETE, { body: { chunkCount: 1, resumptions } });
  expect(await complete(0)).toMatchObject({ status: 202 });
  expect(await w.store.get(SESSION)).toMatchObject({ state: 'recording' });
  expect(await complete(1)).toMatchObject({ status: 202 });
  expect(await w.store.get(SESSION)).toMatchObject({ state: 'completed' });
});

test('a recording that is transcribed again or deleted does not go on', async () => {
  const w = await completedWorld();
  await w.call('POST /api/sessions/{id}/retranscribe', { body: {} });
  expect(await w.call(RESUME, by('a'))).toMatchObject({ status: 409, body: { code: 'not-ready' } });
  await w.call('DELETE /api/sessions/{id}');
  expect(await w.call(RESUME, by('a'))).toMatchObject({ status: 410 });
});

test('the title can be changed and removed', async () => {
  const w = await recordingWorld();
  const rename = (title: string) => w.call('PATCH /api/sessions/{id}', { body: { title } });
  expect((await rename('Tuesday')).body).toMatchObject({ title: 'Tuesday' });
  expect((await w.call('GET /api/sessions/{id}')).body).toMatchObject({ title: 'Tuesday' });
  expect((await rename('')).body).not.toHaveProperty('title');
  expect((await rename('x'.repeat(201))).status).toBe(422);
});

test('notes are listed by their time in the recording, which is known when their chunk has arrived [session.notes]', async () => {
  const w = await recordingWorld();
  const put = (note: string, chunkNumber: number, seconds: number, text = note) =>
    w.call(PUT_NOTE, { note, body: { text, chunkNumber, seconds } });
  w.done(1);
  expect(await put('second', 2, 3)).toMatchObject({ status: 200, body: { id: 'second', kind: 'note' } });
  await Promise.all([put('first', 1, 12.5), put('first', 1, 12.5), put('other', 1, 20)]);
  const list = async () => (await w.call(NOTES)).body.notes as { id: string; at?: number }[];
  expect((await list()).map(({ id, at }) => [id, at])).toEqual([
    ['first', 12.5],
    ['other', 20],
    ['second', undefined],
  ]);
  w.done(2);
  expect((await list()).at(-1)).toMatchObject({ id: 'second', at: 33 });
  await put('first', 1, 12.5, 'changed');
  for (let times = 0; times < 2; times++)
    expect((await w.call('DELETE /api/sessions/{id}/notes/{note}', { note: 'other' })).status).toBe(204);
  expect(await list()).toMatchObject([{ id: 'first', text: 'changed' }, { id: 'second' }]);
});

test('exports mark an interruption at its time, with what was lost; marks=false and json leave it out [transcript.marks, session.notes]', async () => {
  const w = await recordingWorld();
  w.done(1);
  w.done(2);
  const interrupted = (note: string, seconds: number, more: object = {}) =>
    w.call(PUT_NOTE, {
      note,
      body: { text: 'The microphone was disconnected.', kind: 'interruption', chunkNumber: 1, seconds, ...more },
    });
  const download = (format: string, more: object = {}, ifNoneMatch = '') =>
    w.call(TRANSCRIPT, { query: { format, ...more }, headers: { 'if-none-match': ifNoneMatch } });
  await w.call(PUT_NOTE, { note: 'own', body: { text: 'A decision', chunkNumber: 1, seconds: 3 } });
  const etag = String((await download('txt')).headers?.['etag']);
  expect((await download('txt', {}, etag)).status).toBe(304);
  await interrupted('lost', 30, { lostSeconds: 12.4 });
  const marked = await download('txt', {}, etag);
  expect(marked).toMatchObject({ status: 200, body: 'w1-0 w1-1 w1-2\n\n[interrupted 0:30, 12 s lost]\n\nw2-0 w2-1 w2-2\n' });
  await interrupted('lost', 30);
  for (const format of ['txt', 'srt', 'vtt', 'md']) {
    expect((await download(format)).body, format).toContain('[interrupted 0:30]');
    expect((await download(format, { marks: 'false' })).body, format).not.toContain('interrupted');
  }
  expect((await download('json', { words: 'false' })).body).not.toHaveProperty('interruptions');
  expect((await interrupted('lost', 30, { lostSeconds: -1 })).status).toBe(422);
});

test('notes have limits, and an id of another form is refused', async () => {
  const w = await recordingWorld();
  const body = { text: 'One', chunkNumber: 1, seconds: 1 };
  const many = Array.from({ length: MAX_NOTES }, (_, i) => ({ ...body, id: `n${i}`, kind: 'note' as const }));
  await w.notes.writeNotes(sessionRow(), many, undefined);
  expect(await w.call(PUT_NOTE, { note: 'more', body })).toMatchObject({ status: 422 });
  expect(await w.call(PUT_NOTE, { note: 'n1', body })).toMatchObject({ status: 200 });
  expect(await w.call(PUT_NOTE, { note: '../edits', body })).toMatchObject({ status: 422 });
  expect(await w.call(PUT_NOTE, { note: 'n1', body: { ...body, text: '' } })).toMatchObject({ status: 422 });
});

test("prompt and hotwords of a recording reach its chunks; absent ones are the user's defaults, empty ones are none [session.prompt]", async () => {
  const w = await recordingWorld();
  const defaults = { prompt: 'A talk about rivers.', hotwords: 'Chunkscribe' };
  expect(await w.call('PUT /api/recording-defaults', { body: defaults })).toMatchObject({ status: 200, body: defaults });
  expect((await w.call('GET /api/recording-defaults')).body).toEqual(defaults);
  await w.store.markDeleted(sessionRow({ session_id: 'session_ULID' }), 0, 0);
  const create = (body: object) => w.call('POST /api/sessions', { body });
  expect((await create({})).body).toMatchObject(defaults);
  const own = await create({ prompt: '', hotwords: 'Kubernetes' });
  expect(own.body).toMatchObject({ hotwords: 'Kubernetes' });
  expect(own.body).not.toHaveProperty('prompt');

  await w.store.markDeleted(sessionRow(), 0, 0);
  const key = `users/${USER}/sessions/session_told/chunk-001.webm`;
  await w.store.create(sessionRow({ session_id: 'session_told', ...defaults }));
  w.objects.put({ key, etag: 'e', sizeBytes: 10, modifiedAtMs: 0 });
  await ingest(w.deps, { userId: USER, sessionId: 'session_told', chunkNumber: 1 }, key);
  expect(await w.chunks.get('session_told', 1)).toMatchObject(defaults);
});
