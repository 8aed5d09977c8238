import { expect, test } from 'vitest';
import { parseChunkKey } from '../../core/contracts/keys.ts';
import { emptyPool } from '../../core/fleet/rows.ts';
import { accessClaims, CLIENT_ID, invoke } from '../support/api-event.ts';
import { MINE, recordingWorld, recordingWorld as world } from '../support/recording-world.ts';
import { chunkRow, SESSION, USER } from '../support/rows.ts';

test('a session is created for the caller, live by default', async () => {
  const w = await world();
  expect(
    await invoke(w.sessionsHandler, { route: 'POST /api/sessions', claims: MINE, body: { title: 'Tuesday' } }),
  ).toMatchObject({
    status: 201,
    body: { id: 'session_ULID', userId: USER, title: 'Tuesday', live: true, state: 'recording' },
  });
});

test('a session stores the model’s language code; an unknown or unsupported language is refused [language.doors]', async () => {
  const w = await world();
  const create = (language: string) =>
    invoke(w.sessionsHandler, { route: 'POST /api/sessions', claims: MINE, body: { language } });
  expect(await create('iw')).toMatchObject({ status: 201, body: { language: 'he' } });
  expect((await create('auto')).body.language).toBeUndefined();
  const wakes = w.wakes.count;
  expect(await create('klingon')).toMatchObject({ status: 422, body: { code: 'invalid', languages: { he: 'Hebrew' } } });
  expect(await create('yue')).toMatchObject({
    status: 422,
    body: { detail: expect.stringContaining('does not support Cantonese') },
  });
  expect(w.wakes.count).toBe(wakes);
});

test('an upload is signed for exactly the key, size, type and checksum of the chunk', async () => {
  const w = await world();
  const sha256 = Buffer.alloc(32).toString('base64');
  expect(await w.presign({ chunkNumber: 12, contentType: 'audio/webm;codecs=opus', sha256, overlapMs: 250 })).toMatchObject({
    status: 201,
    body: { key: `users/${USER}/sessions/${SESSION}/chunk-012.webm`, upload: { method: 'PUT' } },
  });
  expect(w.signed).toEqual([
    {
      key: `users/${USER}/sessions/${SESSION}/chunk-012.webm`,
      contentType: 'audio/webm;codecs=opus',
      sizeBytes: 10,
      sha256,
      overwrite: false,
      declared: { overlapMs: 250 },
    },
  ]);
});

test.each([
  ['chunk number 0', { chunkNumber: 0 }, 422, 'invalid'],
  ['chunk number 10^6', { chunkNumber: 1_000_000 }, 422, 'invalid'],
  ['a fraction as chunk number', { chunkNumber: 1.5 }, 422, 'invalid'],
  ['an empty chunk', { sizeBytes: 0 }, 422, 'invalid'],
  ['a chunk above 25 MiB', { sizeBytes: 25 * 1024 * 1024 + 1 }, 413, 'too-large'],
  ['more than 10 min', { durationSeconds: 601 }, 422, 'invalid'],
  ['a type that is not audio', { contentType: 'text/plain' }, 415, 'unsupported-type'],
  ['an invalid checksum', { sha256: 'abc' }, 422, 'invalid'],
  ['a userId in the body', { userId: 'user-other' }, 422, 'invalid'],
])('%s is refused before anything is signed', async (_what, body, status, code) => {
  const w = await world();
  expect(await w.presign(body)).toMatchObject({ status, body: { status, code, type: 'about:blank' } });
  expect(w.signed).toEqual([]);
});

test.each([
  ...['audio/m4a', 'audio/x-m4a', 'audio/aac', 'audio/mp3', 'audio/x-flac', 'audio/wave', 'audio/vnd.wave', 'audio/opus'],
  ...['audio/3gpp', 'audio/amr', 'video/quicktime', 'AUDIO/MP4', 'audio/mp4;codecs=mp4a.40.2', 'Audio/WebM; Codecs=opus'],
  ...['application/octet-stream', 'application/ogg', 'video/x-anything', '', undefined],
])('a chunk may have the type %s: the worker detects the format [files.content-decides]', async (contentType) => {
  const w = await world();
  const { status, body } = await w.presign({ contentType });
  expect(status).toBe(201);
  expect(parseChunkKey(String(body.key))?.chunkNumber).toBe(1);
  expect(w.signed).toMatchObject([{ contentType: contentType || 'application/octet-stream' }]);
});

test.each([
  'text/vtt',
  'image/png',
  'application/zip',
  'application/pdf',
  'audio/x-mpegurl',
  'audio/mpegurl;x=y',
  'audio/x-scpls',
])('a chunk may not have the type %s [files.content-decides]', async (contentType) => {
  const w = await world();
  expect(await w.presign({ contentType })).toMatchObject({ status: 415, body: { code: 'unsupported-type' } });
});

test('the URL of an unused chunk number accepts one upload, even with replace [pressure.overwritten]', async () => {
  const w = await recordingWorld();
  expect(await w.presign({ replace: true })).toMatchObject({ status: 201 });
  expect(w.signed).toMatchObject([{ overwrite: false }]);
});

test('an existing chunk is a conflict; with replace it may be overwritten [recording.replace]', async () => {
  const w = await world();
  w.chunks.put(chunkRow(1, { state: 'done' }));
  expect(await w.presign({})).toMatchObject({ status: 409, body: { code: 'chunk-exists', chunkNumber: 1, state: 'done' } });
  expect(await w.presign({ replace: true })).toMatchObject({ status: 201 });
  expect(w.signed).toMatchObject([{ overwrite: true }]);
  expect(await w.chunks.get(SESSION, 1)).toMatchObject({ replace_allowed: true });
});

test.each([
  ['not JSON', { rawBody: '{' }, 400, 'malformed'],
  ['of another media type', { contentType: 'text/plain', rawBody: 'x' }, 415, 'unsupported-type'],
])('a body that is %s is refused', async (_what, more, status, code) => {
  const w = await world();
  expect(await w.presign({}, more)).toMatchObject({
    status,
    headers: { 'content-type': 'application/problem+json' },
    body: { code },
  });
});

test('the ID token of the stage’s client is accepted, as the first recorder sends it', async () => {
  const w = await world();
  expect(await w.presign({}, { claims: { sub: USER, token_use: 'id', aud: CLIENT_ID } })).toMatchObject({ status: 201 });
});

test.each([
  'GET /api/sessions/{id}',
  'POST /api/sessions/{id}/complete',
  'POST /api/sessions/{id}/chunks',
  'GET /api/sessions/{id}/transcript',
])("%s returns 403 for another user's session and 404 for an unknown one; an admin may access it", async (route) => {
  const w = await world();
  const handler = route.endsWith('chunks') ? w.uploads : route.endsWith('transcript') ? w.transcripts : w.sessionsHandler;
  const body = route.endsWith('chunks')
    ? { chunkNumber: 1, contentType: 'audio/webm', sizeBytes: 1 }
    : route.endsWith('complete')
      ? { chunkCount: 1 }
      : undefined;
  const call = { route, id: SESSION, body };
  expect(await invoke(handler, { ...call, claims: accessClaims('user-b') })).toMatchObject({
    status: 403,
    body: { code: 'forbidden' },
  });
  expect(await invoke(handler, { ...call, id: 'session_none', claims: MINE })).toMatchObject({ status: 404 });
  expect(await invoke(handler, { ...call, id: '../../x', claims: MINE })).toMatchObject({ status: 404 });
  const admin = await invoke(handler, { ...call, claims: accessClaims('user-c', { 'cognito:groups': '[other admin]' }) });
  expect(admin.status).not.toBe(403);
});

test('sessions are listed with a cursor; a session is returned with its chunks and missing numbers', async () => {
  const w = await world();
  w.chunks.put(chunkRow(2));
  expect(await invoke(w.sessionsHandler, { route: 'GET /api/sessions', claims: MINE })).toMatchObject({
    status: 200,
    body: { sessions: [{ id: SESSION }] },
  });
  expect(await invoke(w.sessionsHandler, { route: 'GET /api/sessions', claims: MINE, query: { limit: '0' } })).toMatchObject({
    status: 422,
  });
  const one = await invoke(w.sessionsHandler, { route: 'GET /api/sessions/{id}', id: SESSION, claims: MINE });
  expect(one.body).toMatchObject({ id: SESSION, chunks: [{ chunkNumber: 2, state: 'pending', attempts: 0 }], holes: [1] });
});

test('complete returns at once, with the number of chunks still pending', async () => {
  const w = await world();
  w.chunks.put(chunkRow(1));
  const call = { route: 'POST /api/sessions/{id}/complete', id: SESSION, claims: MINE, body: { chunkCount: 2 } };
  expect(await invoke(w.sessionsHandler, call)).toMatchObject({
    status: 202,
    body: { state: 'completed', chunkCount: 2, waiting: 1 },
  });
  expect(await invoke(w.sessionsHandler, { ...call, body: { chunkCount: -1 } })).toMatchObject({ status: 422 });
});

test.each(['capacity', 'budget', 'failures'] as const)(
  'pending work has the reason %s and a time; completed work has not [gpu.pool]',
  async (reason) => {
    const w = await world();
    w.chunks.put(chunkRow(1, { state: 'done' }));
    w.chunks.put(chunkRow(2));
    w.pool.row = { ...emptyPool(), waits_for: reason, next_start_at_ms: 60_000 };
    const { body } = await invoke(w.sessionsHandler, { route: 'GET /api/sessions/{id}', id: SESSION, claims: MINE });
    expect(body).toMatchObject({
      waitingFor: { reason, until: '1970-01-01T00:01:00.000Z' },
      chunks: [{ state: 'done' }, { state: 'pending', waitingFor: reason }],
    });
    expect(body).not.toHaveProperty('chunks.0.waitingFor');
  },
);

test("a session's cost is visible to its owner only", async () => {
  const w = await world();
  w.chunks.put(chunkRow(1, { state: 'done' }));
  const cost = { route: 'GET /api/sessions/{id}/cost', id: SESSION };
  expect(await invoke(w.sessionsHandler, { ...cost, claims: MINE })).toMatchObject({
    status: 200,
    body: { gpuSeconds: 1, usd: 0.001 },
  });
  expect(await invoke(w.sessionsHandler, { ...cost, claims: accessClaims('other') })).toMatchObject({ status: 403 });
});

test('chunks whose event was lost are ingested before the session is completed, so the transcript has no holes', async () => {
  const w = await world();
  const key = `users/${USER}/sessions/${SESSION}/chunk-001.webm`;
  w.objects.put({ key, etag: 'e', sizeBytes: 10, modifiedAtMs: 0 });
  const complete = w.store.complete.bind(w.store);
  w.store.complete = async (...given) => {
    expect(await w.chunks.get(SESSION, 1)).toMatchObject({ state: 'pending' });
    return complete(...given);
  };
  const route = 'POST /api/sessions/{id}/complete';
  expect(await invoke(w.sessionsHandler, { route, id: SESSION, claims: MINE, body: { chunkCount: 1 } })).toMatchObject({
    status: 202,
    body: { waiting: 1 },
  });
  expect(await w.store.get(SESSION)).toMatchObject({ state: 'completed' });
});

test('a flood by one user is limited until the minute ends; other users are not affected [api.quota]', async () => {
  const w = await recordingWorld();
  w.clock.ms = 59_000;
  for (let n = 1; n <= 1200; n++) await w.presign({ chunkNumber: n });
  expect(await w.presign({ chunkNumber: 2000 })).toMatchObject({
    status: 429,
    headers: { 'retry-after': '1' },
    body: { code: 'too-many' },
  });
  expect(await w.presign({ chunkNumber: 1 }, { claims: accessClaims('other') })).toMatchObject({ status: 403 });
  for (let n = 1; n <= 120; n++) await w.call('POST /api/sessions', { body: {} });
  expect(await w.call('POST /api/sessions', { body: {} })).toMatchObject({ status: 429 });
  w.clock.ms = 60_000;
  expect(await w.presign({ chunkNumber: 2000 })).toMatchObject({ status: 201 });
});
