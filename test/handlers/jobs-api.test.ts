/** The door of file jobs: what is taken, what is refused, and in which words. */
import { expect, test } from 'vitest';
import { MAX_FILE_BYTES, UPLOAD_PART_BYTES } from '../../core/contracts/jobs.ts';
import { advance } from '../../core/file-jobs/advance.ts';
import { emptyPool } from '../../core/fleet/rows.ts';
import { buildHandler } from '../../lambdas/jobs-api/handler.ts';
import { accessClaims, CLIENT_ID, invoke } from '../support/api-event.ts';
import { jobWorld } from '../support/job-world.ts';
import { chunkRow } from '../support/rows.ts';

const [USER, OTHER] = ['user-a', 'user-b'];
const [MINE, THEIRS, ADMIN] = [
  accessClaims(USER),
  accessClaims(OTHER),
  accessClaims('user-admin', { 'cognito:groups': '[admin]' }),
];
const FILE = { filename: 'talk.mp3', contentType: 'audio/mpeg', sizeBytes: 1000 };

function world(more: { models?: string[]; maxOpenJobs?: number; maxAudioHours?: number } = {}) {
  const w = jobWorld();
  let ids = 0;
  const address = { method: 'PUT' as const, url: 'https://s3/x', headers: {}, expiresAt: '2026-03-01T13:00:00.000Z' };
  const signed: unknown[] = [];
  const handler = buildHandler(
    {
      ...w,
      newUlid: () => String(++ids).padStart(26, '0'),
      stage: { models: more.models ?? ['small.en', 'large-v3'], canDiarize: false, compressFiles: true, retentionDays: 0 },
      maxOpenJobs: more.maxOpenJobs ?? 100,
      maxAudioHours: more.maxAudioHours ?? 48,
      readPool: async () => emptyPool(),
      sign: async (upload) => {
        signed.push(upload);
        return address;
      },
      signPart: async (_key, _id, partNumber, sizeBytes) => {
        signed.push({ partNumber, sizeBytes });
        return address;
      },
      downloadUrl: async (key) => `https://s3/${key}`,
      checkCallback: () => undefined,
    },
    CLIENT_ID,
  );
  const call = (route: string, id: string | undefined, body: unknown = {}, claims = MINE, headers = {}, query = {}) =>
    invoke(handler, {
      route,
      ...(id !== undefined && { id }),
      ...(!route.startsWith('GET') && { body }),
      claims,
      headers,
      query,
    });
  const create = (body: object = {}, headers = {}, claims = MINE) =>
    call('POST /api/transcriptions', undefined, { ...FILE, ...body }, claims, headers);
  const uploaded = async (body: object = {}): Promise<string> => {
    const { id } = (await create(body)).body;
    w.sizes.set((await w.jobs.get(id))?.object_key ?? '', (await w.jobs.get(id))?.size_bytes ?? 0);
    await call('POST /api/transcriptions/{id}/upload-complete', id);
    return id;
  };
  const status = async (id: string) => (await call('GET /api/transcriptions/{id}/status', id)).body;
  const raw = (route: string, rawBody: string) => invoke(handler, { route, rawBody, claims: MINE });
  return { ...w, raw, call, create, uploaded, status, signed };
}

test('a job gets its id and an address that takes exactly this file', async () => {
  const w = world();
  const sha256 = Buffer.alloc(32).toString('base64');
  expect(await w.create({ sha256 })).toMatchObject({
    status: 201,
    body: { id: `job_${'1'.padStart(26, '0')}`, status: 'pending', upload: { kind: 'single', method: 'PUT' } },
  });
  expect(w.signed).toMatchObject([{ sizeBytes: 1000, contentType: 'audio/mpeg', sha256, overwrite: false }]);
});

test('a large file goes up in parts; those that are there are listed, and what is missing is said', async () => {
  const w = world();
  const { body } = await w.create({ sizeBytes: 2 * UPLOAD_PART_BYTES + 5 });
  expect(body.upload).toMatchObject({ kind: 'parts', partSizeBytes: UPLOAD_PART_BYTES, partCount: 3 });
  const parts = (numbers?: number[]) =>
    w.call('POST /api/transcriptions/{id}/parts', body.id, numbers === undefined ? {} : { partNumbers: numbers });
  expect((await parts([3])).body.parts).toMatchObject([{ partNumber: 3 }]);
  expect(w.signed).toEqual([{ partNumber: 3, sizeBytes: 5 }]);
  expect(await parts([4])).toMatchObject({ status: 422, body: { code: 'invalid' } });
  const there = w.open.get('upload-1');
  there?.push({ partNumber: 1, sizeBytes: UPLOAD_PART_BYTES, etag: '1' }, { partNumber: 3, sizeBytes: 4, etag: '3' });
  expect((await parts()).body).toMatchObject({ parts: [{ partNumber: 2 }], uploaded: [{ partNumber: 1 }, { partNumber: 3 }] });
  const complete = () => w.call('POST /api/transcriptions/{id}/upload-complete', body.id);
  expect(await complete()).toMatchObject({ status: 409, body: { code: 'upload-incomplete', missing: [2, 3] } });
  there?.splice(1);
  there?.push({ partNumber: 2, sizeBytes: UPLOAD_PART_BYTES, etag: '2' }, { partNumber: 3, sizeBytes: 5, etag: '3' });
  expect(await complete()).toMatchObject({ status: 202, body: { status: 'pending', stage: 'Queued' } });
  expect(await complete()).toMatchObject({ status: 202 });
  expect(w.queue.sent).toHaveLength(1);
  expect(await parts()).toMatchObject({ status: 409, body: { code: 'already-over' } });
});

test.each([
  ['no name', { filename: '' }, 422, 'invalid'],
  ['a name with a folder', { filename: '../x.mp3' }, 422, 'invalid'],
  ['a name with NUL', { filename: 'a\u0000b' }, 422, 'invalid'],
  ['an absolute name', { filename: '/etc/passwd' }, 422, 'invalid'],
  ['a name of a megabyte', { filename: 'x'.repeat(1_000_000) }, 422, 'invalid'],
  ['an empty file', { sizeBytes: 0 }, 422, 'invalid'],
  ['more than 5 GiB', { sizeBytes: MAX_FILE_BYTES + 1 }, 413, 'too-large'],
  ['a type that is no audio', { contentType: 'text/plain' }, 415, 'unsupported-type'],
  ['a language that is none', { language: 'english' }, 422, 'invalid'],
  ['another language than the model knows', { language: 'de' }, 422, 'invalid'],
  ['a model that the stage has not', { model: 'huge' }, 422, 'invalid'],
  ['speakers without a speaker model', { diarize: true }, 422, 'invalid'],
  ['an unknown priority', { priority: 'now' }, 422, 'invalid'],
  ['a user in the body', { userId: 'x' }, 422, 'invalid'],
])('%s is refused at the door', async (_what, body, status, code) => {
  const w = world();
  expect(await w.create(body)).toMatchObject({ status, body: { code } });
  expect(await w.jobs.listOf(USER, 10)).toEqual({ items: [] });
});

test('a body that is no JSON, and a cursor that is none of ours, are malformed', async () => {
  const w = world();
  expect(await w.raw('POST /api/transcriptions', '{')).toMatchObject({ status: 400, body: { code: 'malformed' } });
  expect(await w.call('GET /api/transcriptions', undefined, {}, MINE, {}, { cursor: 'x!' })).toMatchObject({ status: 400 });
  expect(await w.create({}, { 'idempotency-key': 'x'.repeat(201) })).toMatchObject({ status: 422 });
});

test('another language is fine with a model that knows it, and the list of models is told', async () => {
  const w = world();
  expect(await w.create({ language: 'de', model: 'large-v3' })).toMatchObject({ status: 201 });
  expect((await w.create({ model: 'huge' })).body).toMatchObject({ models: ['small.en', 'large-v3'] });
});

test('the same key and request are one job, at the same time too; another request with it is refused', async () => {
  const w = world();
  const key = { 'idempotency-key': 'k1' };
  const [one, two] = await Promise.all([w.create({}, key), w.create({}, key)]);
  expect(two.body.id).toBe(one.body.id);
  expect((await w.create({}, key)).body.id).toBe(one.body.id);
  expect(await w.create({ sizeBytes: 1001 }, key)).toMatchObject({ status: 422, body: { code: 'idempotency-mismatch' } });
  expect((await w.create({}, key, THEIRS)).body.id).not.toBe(one.body.id);
  expect((await w.jobs.listOf(USER, 10)).items).toHaveLength(1);
});

test('somebody else’s job is forbidden, an unknown one is not found, a deleted one is gone; an admin may look', async () => {
  const w = world();
  const id = await w.uploaded();
  for (const route of [
    'GET /api/transcriptions/{id}/status',
    'GET /api/transcriptions/{id}/transcript',
    'POST /api/transcriptions/{id}/parts',
    'POST /api/transcriptions/{id}/upload-complete',
    'POST /api/transcriptions/{id}/cancel',
    'POST /api/transcriptions/{id}/retry',
    'DELETE /api/transcriptions/{id}',
  ]) {
    expect(await w.call(route, id, {}, THEIRS), route).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    expect(await w.call(route, `job_${'9'.repeat(26)}`), route).toMatchObject({ status: 404 });
    expect(await w.call(route, '../x'), route).toMatchObject({ status: 404 });
  }
  expect(await w.call('GET /api/transcriptions/{id}/status', id, {}, ADMIN)).toMatchObject({
    status: 200,
    body: { userId: USER },
  });
  expect((await w.call('GET /api/transcriptions', undefined, {}, THEIRS)).body.jobs).toEqual([]);
  expect(await w.call('DELETE /api/transcriptions/{id}', id)).toMatchObject({ status: 204 });
  expect(await w.call('GET /api/transcriptions/{id}/status', id)).toMatchObject({ status: 410, body: { code: 'deleted' } });
});

test('the text is there when the job is completed, in every format, and not before', async () => {
  const w = world();
  const id = await w.uploaded();
  const read = (format: string) => w.call('GET /api/transcriptions/{id}/transcript', id, {}, MINE, {}, { format });
  expect(await read('json')).toMatchObject({ status: 409, body: { code: 'not-ready' } });
  await w.cut(id, [10]);
  await advance(w, id);
  await w.heard(id, 1, 'hello there');
  await advance(w, id);
  expect(await w.status(id)).toMatchObject({ status: 'completed', progress: 100, content: 'hello there', error: null });
  expect(await read('json')).toMatchObject({ status: 200, body: { jobId: id, text: 'hello there' } });
  expect((await read('txt')).body).toBe('hello there\n');
  expect((await read('srt')).body).toMatch(/^1\n00:00:00,000 --> /);
  expect((await read('vtt')).body).toMatch(/^WEBVTT/);
  expect(await read('doc')).toMatchObject({ status: 422 });
});

test('too many open jobs, or hours of a day, say what is left and when to come again', async () => {
  const w = world({ maxOpenJobs: 1, maxAudioHours: 1 });
  const id = await w.uploaded();
  expect(await w.create()).toMatchObject({
    status: 429,
    headers: { 'retry-after': '60' },
    body: { code: 'quota-reached', quota: 'open-jobs', left: 0 },
  });
  expect(await w.create({}, {}, THEIRS)).toMatchObject({ status: 201 });
  await w.cut(id, [3600]);
  await advance(w, id);
  await w.heard(id, 1, 'an hour');
  await advance(w, id);
  expect(await w.create()).toMatchObject({
    status: 429,
    headers: { 'retry-after': String(12 * 3600) },
    body: { code: 'quota-reached', quota: 'audio-hours' },
  });
  w.pass(12 * 3_600_000);
  expect(await w.create()).toMatchObject({ status: 201 });
});

test('a request that is sent again finds its job, whatever the quotas say by then', async () => {
  const w = world({ maxOpenJobs: 1 });
  const key = { 'idempotency-key': 'k' };
  const { id } = (await w.create({}, key)).body;
  expect(await w.create({}, key)).toMatchObject({ status: 201, body: { id } });
});

test('a flood of jobs ends within the minute', async () => {
  const w = world({ maxOpenJobs: 10_000 });
  const answers = await Promise.all(Array.from({ length: 121 }, () => w.create()));
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(1);
  expect(answers.at(-1)).toMatchObject({ status: 429, body: { code: 'too-many' } });
});

test('the list goes page by page, newest first, by state too', async () => {
  const w = world();
  const ids: string[] = [];
  for (let i = 0; i < 3; i++) {
    ids.unshift((await w.create()).body.id);
    w.pass(1000);
  }
  await w.call('POST /api/transcriptions/{id}/cancel', ids[1]);
  expect((await w.call('GET /api/transcriptions', undefined)).body.jobs.map(({ id }: { id: string }) => id)).toEqual(ids);
  const page = async (query: object) => (await w.call('GET /api/transcriptions', undefined, {}, MINE, {}, query)).body;
  expect(await page({ status: 'cancelled' })).toMatchObject({ jobs: [{ id: ids[1] }] });
  const first = await page({ limit: '2' });
  expect((await page({ limit: '2', cursor: first.cursor })).jobs).toMatchObject([{ id: ids[2] }]);
});

test('the audio and the waveform of a file are for its owner, once the file is there', async () => {
  const w = world();
  const { id } = (await w.create()).body;
  expect(await w.call('GET /api/transcriptions/{id}/audio', id)).toMatchObject({ status: 409, body: { code: 'not-ready' } });
  const there = await w.uploaded();
  expect(await w.call('GET /api/transcriptions/{id}/audio', there)).toMatchObject({
    status: 200,
    body: { url: expect.stringContaining(there), expiresInSeconds: 3600 },
  });
  w.chunks.put(
    chunkRow(1, {
      session_id: there,
      state: 'done',
      duration_seconds: 2,
      overlap_ms: 0,
      peaks: Buffer.from([9, 200]).toString('base64'),
    }),
  );
  const { body } = await w.call('GET /api/transcriptions/{id}/peaks', there, {}, MINE, {}, { points: '20' });
  expect(body).toMatchObject({ durationSeconds: 2, secondsPerPoint: 0.1 });
  expect(body.peaks.slice(0, 3)).toEqual([9, 200, 0]);
  for (const route of ['GET /api/transcriptions/{id}/audio', 'GET /api/transcriptions/{id}/peaks'])
    expect(await w.call(route, there, {}, THEIRS)).toMatchObject({ status: 403 });
});
