/** The API of file jobs: accepted and refused requests, with their error messages. */
import { expect, test } from 'vitest';
import { CALLS } from '../../core/contracts/calls/all.ts';
import { MAX_FILE_BYTES, UPLOAD_PART_BYTES } from '../../core/contracts/jobs.ts';
import { advance } from '../../core/file-jobs/advance.ts';
import { emptyPool } from '../../core/fleet/rows.ts';
import { jobEndEvent } from '../../core/webhooks/outbox.ts';
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
  const stored = new Map<string, string | Uint8Array>();
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
      storeExport: async (key, content) => void stored.set(key, content),
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

test('a new job has an id and a URL that accepts exactly this file [files.upload]', async () => {
  const w = world();
  const sha256 = Buffer.alloc(32).toString('base64');
  expect(await w.create({ sha256 })).toMatchObject({
    status: 201,
    body: { id: `job_${'1'.padStart(26, '0')}`, status: 'pending', upload: { kind: 'single', method: 'PUT' } },
  });
  expect(w.signed).toMatchObject([{ sizeBytes: 1000, contentType: 'audio/mpeg', sha256, overwrite: false }]);
});

test('a large file is uploaded in parts; uploaded and missing parts are listed [files.upload]', async () => {
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
  ['a name with a NUL character', { filename: 'a\u0000b' }, 422, 'invalid'],
  ['an absolute name', { filename: '/etc/passwd' }, 422, 'invalid'],
  ['a name of a megabyte', { filename: 'x'.repeat(1_000_000) }, 422, 'invalid'],
  ['an empty file', { sizeBytes: 0 }, 422, 'invalid'],
  ['more than 5 GiB', { sizeBytes: MAX_FILE_BYTES + 1 }, 413, 'too-large'],
  ['a type that is not audio', { contentType: 'text/plain' }, 415, 'unsupported-type'],
  ['a playlist', { contentType: 'application/vnd.apple.mpegurl' }, 415, 'unsupported-type'],
  ['a playlist that calls itself audio', { contentType: 'audio/x-mpegurl' }, 415, 'unsupported-type'],
  ['an unknown way with channels', { channels: 'left' }, 422, 'invalid'],
  ['speakers by voice and by channel', { diarize: true, channels: 'separate' }, 422, 'invalid'],
  ['a date without a time zone', { recordedAt: '2026-03-01T09:30:00' }, 422, 'invalid'],
  ['an unknown language', { language: 'klingon' }, 422, 'invalid'],
  ['a language that the model does not support', { language: 'de' }, 422, 'invalid'],
  ['a model that the stage does not offer', { model: 'huge' }, 422, 'invalid'],
  ['diarization without a speaker model', { diarize: true }, 422, 'invalid'],
  ['an unknown priority', { priority: 'now' }, 422, 'invalid'],
  ['a user in the body', { userId: 'x' }, 422, 'invalid'],
])('%s is refused before anything is stored [files.door]', async (_what, body, status, code) => {
  const w = world();
  expect(await w.create(body)).toMatchObject({ status, body: { code } });
  expect(await w.jobs.listOf(USER, 10)).toEqual({ items: [] });
});

test.each(['application/octet-stream', 'audio/x-ms-wma', 'video/3gpp', 'application/ogg', 'AUDIO/AMR', ''])(
  '%s is accepted: the worker detects the format [files.content-decides]',
  async (contentType) => {
    const w = world();
    const { status, body } = await w.create({ contentType });
    expect([status, (await w.jobs.get(String(body.id)))?.object_key]).toEqual([201, expect.stringMatching(/\/source\.bin$/)]);
  },
);

test('a body that is not JSON and an invalid cursor are malformed', async () => {
  const w = world();
  expect(await w.raw('POST /api/transcriptions', '{')).toMatchObject({ status: 400, body: { code: 'malformed' } });
  expect(await w.call('GET /api/transcriptions', undefined, {}, MINE, {}, { cursor: 'x!' })).toMatchObject({ status: 400 });
  expect(await w.create({}, { 'idempotency-key': 'x'.repeat(201) })).toMatchObject({ status: 422 });
});

test('another language is accepted with a multilingual model; otherwise the error lists models or languages [language.doors]', async () => {
  const w = world();
  const { status, body } = await w.create({ language: 'pt_BR', model: 'large-v3' });
  expect([status, (await w.jobs.get(String(body.id)))?.language]).toEqual([201, 'pt']);
  const auto = await w.create({ language: 'auto' });
  expect([auto.status, (await w.jobs.get(String(auto.body.id)))?.language]).toEqual([201, undefined]);
  expect((await w.create({ language: 'de' })).body).toMatchObject({
    detail: expect.stringContaining('request model large-v3'),
    languages: { en: 'English' },
  });
  expect((await w.create({ language: 'xx' })).body).toMatchObject({
    detail: expect.stringContaining('"xx" is not a language'),
    languages: { de: 'German', yue: 'Cantonese' },
    issues: [{ path: 'language' }],
  });
  expect((await w.create({ model: 'huge' })).body).toMatchObject({ models: ['small.en', 'large-v3'] });
});

test('the same idempotency key and request create one job, even concurrently; another request with that key is refused [files.door]', async () => {
  const w = world();
  const key = { 'idempotency-key': 'k1' };
  const [one, two] = await Promise.all([w.create({}, key), w.create({}, key)]);
  expect(two.body.id).toBe(one.body.id);
  expect((await w.create({}, key)).body.id).toBe(one.body.id);
  expect(await w.create({ sizeBytes: 1001 }, key)).toMatchObject({ status: 422, body: { code: 'idempotency-mismatch' } });
  expect((await w.create({}, key, THEIRS)).body.id).not.toBe(one.body.id);
  expect((await w.jobs.listOf(USER, 10)).items).toHaveLength(1);
});

test('an unknown job is 404, a deleted one 410; an admin may read any job [files.door]', async () => {
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
    expect(await w.call(route, `job_${'9'.repeat(26)}`), route).toMatchObject({ status: 404 });
    expect(await w.call(route, '../x'), route).toMatchObject({ status: 404 });
  }
  expect(await w.call('GET /api/transcriptions/{id}/status', id, {}, ADMIN)).toMatchObject({
    status: 200,
    body: { userId: USER },
  });
  expect(await w.call('DELETE /api/transcriptions/{id}', id)).toMatchObject({ status: 204 });
  expect(await w.call('GET /api/transcriptions/{id}/status', id)).toMatchObject({ status: 410, body: { code: 'deleted' } });
});

test('the text is available in every format once the job is completed', async () => {
  const w = world();
  const id = await w.uploaded();
  const read = (format: string) => w.call('GET /api/transcriptions/{id}/transcript', id, {}, MINE, {}, { format });
  expect(await read('json')).toMatchObject({ status: 409, body: { code: 'not-ready' } });
  await w.cut(id, [10]);
  await advance(w, id);
  await w.transcribedPart(id, 1, 'hello there');
  await advance(w, id);
  expect(await w.status(id)).toMatchObject({ status: 'completed', progress: 100, content: 'hello there', error: null });
  expect(await read('json')).toMatchObject({ status: 200, body: { jobId: id, text: 'hello there' } });
  expect((await read('txt')).body).toBe('hello there\n');
  expect((await read('srt')).body).toMatch(/^1\n00:00:00,000 --> /);
  expect((await read('vtt')).body).toMatch(/^WEBVTT/);
  expect((await read('md')).body).toMatch(/^# talk\.mp3\n\nAdded 2026-.+\n\n0:00 hello there\n$/);
  expect((await read('docx')).body.subarray(0, 2).toString()).toBe('PK');
  expect(await read('doc')).toMatchObject({ status: 422 });
});

test('of a damaged file, txt and subtitles mark what is missing; its text in JSON, its status and its webhook do not [transcript.marks]', async () => {
  const w = world();
  const id = await w.uploaded();
  await w.cut(id, [10], 'content', {}, { 1: [{ start: 4, end: 9 }] });
  await advance(w, id);
  await w.transcribedPart(id, 1, 'hello there');
  await advance(w, id);
  const read = (format: string) => w.call('GET /api/transcriptions/{id}/transcript', id, {}, MINE, {}, { format });
  for (const format of ['txt', 'srt', 'vtt', 'md']) expect((await read(format)).body, format).toContain('[missing 0:04-0:09]');
  expect((await read('json')).body).toMatchObject({ text: 'hello there', gaps: [{ start: 4, end: 9 }] });
  expect((await w.status(id)).content).toBe('hello there');
  const job = await w.jobs.get(id);
  expect(job && jobEndEvent(job)?.data).toEqual({
    id,
    status: 'completed',
    filename: 'talk.mp3',
    error: null,
    durationSeconds: 10,
    completedAt: expect.any(String),
    transcript: `/api/transcriptions/${id}/transcript`,
  });
});

test('too many open jobs or audio hours per day return the remaining quota and Retry-After [files.door]', async () => {
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
  await w.transcribedPart(id, 1, 'an hour');
  await advance(w, id);
  expect(await w.create()).toMatchObject({
    status: 429,
    headers: { 'retry-after': String(12 * 3600) },
    body: { code: 'quota-reached', quota: 'audio-hours' },
  });
  w.pass(12 * 3_600_000);
  expect(await w.create()).toMatchObject({ status: 201 });
});

test('a repeated request returns its job regardless of the quotas', async () => {
  const w = world({ maxOpenJobs: 1 });
  const key = { 'idempotency-key': 'k' };
  const { id } = (await w.create({}, key)).body;
  expect(await w.create({}, key)).toMatchObject({ status: 201, body: { id } });
});

test('a flood of jobs is limited per minute', async () => {
  const w = world({ maxOpenJobs: 10_000 });
  const answers = await Promise.all(Array.from({ length: 121 }, () => w.create()));
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(1);
  expect(answers.at(-1)).toMatchObject({ status: 429, body: { code: 'too-many' } });
});

test('the list has pages, newest first, and can be filtered by status', async () => {
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

test('the audio and waveform of an uploaded file are available to its owner only [pages.files]', async () => {
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

test('the owner can retranscribe a completed file, within the same quotas and with the stage’s models [retranscribe.files]', async () => {
  const w = world();
  const { body } = await w.create({});
  const again = (options: object, claims = MINE) =>
    w.call('POST /api/transcriptions/{id}/retranscribe', String(body.id), options, claims);
  expect(await again({})).toMatchObject({ status: 409, body: { code: 'not-ready' } });
  const job = await w.jobs.get(String(body.id));
  if (job === undefined) throw new Error('no such job');
  w.sizes.set(job.object_key, job.size_bytes);
  await w.call('POST /api/transcriptions/{id}/upload-complete', job.job_id, {});
  await w.cut(job.job_id, [60]);
  await advance(w, job.job_id);
  await w.transcribedPart(job.job_id, 1, 'one');
  await advance(w, job.job_id);
  expect(await again({ language: 'xx' })).toMatchObject({ status: 422, body: { languages: { de: 'German' } } });
  expect(await again({ language: 'de' })).toMatchObject({ status: 422, body: { detail: expect.stringContaining('large-v3') } });
  expect(await again({}, accessClaims('other'))).toMatchObject({ status: 403 });
  const answer = await again({ language: 'de', model: 'large-v3' });
  expect(answer).toMatchObject({
    status: 202,
    body: { status: 'completed', retranscribing: true, retranscription: { model: 'large-v3', language: 'de', progress: 0 } },
  });
  expect(CALLS['POST /api/transcriptions/{id}/retranscribe']?.answers[202]?.safeParse(answer.body).success).toBe(true);
  expect((await again({ language: 'auto' })).status).toBe(409);
});
