import { expect, test } from 'vitest';
import { CONTENT_TYPES } from '../../core/contracts/formats.ts';
import { assembleSession } from '../../core/transcripts/assemble.ts';
import { buildHandler as buildTranscripts } from '../../lambdas/transcripts-api/handler.ts';
import { accessClaims, CLIENT_ID, invoke } from '../support/api-event.ts';
import { MINE, recordingWorld } from '../support/recording-world.ts';
import { chunkRow, chunkTranscript, SESSION } from '../support/rows.ts';

const TRANSCRIPT = 'GET /api/sessions/{id}/transcript';
const fail = async (): Promise<never> => {
  throw new Error('rows are read');
};
const SPEAKERS = 'POST /api/sessions/{id}/speakers';

test('a transcript without any chunk is 409 with the reason', async () => {
  const w = await recordingWorld();
  expect(await w.call(TRANSCRIPT)).toMatchObject({
    status: 409,
    body: { code: 'not-ready', detail: expect.stringContaining('no chunk has arrived') },
  });
});

test('the transcript grows during the recording and lists pending chunks as gaps [session.live]', async () => {
  const w = await recordingWorld();
  w.done(1);
  w.chunks.put(chunkRow(2));
  const first = await w.call(TRANSCRIPT);
  expect(first).toMatchObject({
    status: 200,
    body: {
      final: false,
      status: 'partial',
      text: 'w1-0 w1-1 w1-2',
      gaps: [{ chunkNumber: 2, start: 30, end: 60, reason: 'not transcribed yet' }],
    },
  });
  w.done(2);
  expect((await w.call(TRANSCRIPT)).body).toMatchObject({ final: false, text: 'w1-0 w1-1 w1-2 w2-0 w2-1 w2-2', gaps: [] });
  expect((await w.call(TRANSCRIPT, { query: { format: 'txt' } })).body).toBe('w1-0 w1-1 w1-2\n\nw2-0 w2-1 w2-2\n');
});

test('a request with the current ETag returns 304; each format and range has its own ETag [session.live]', async () => {
  const w = await recordingWorld();
  w.done(1);
  const { headers } = await w.call(TRANSCRIPT);
  const etag = String(headers?.['etag']);
  expect(etag).toMatch(/^"live-.+-json"$/);
  const again = { headers: { 'if-none-match': etag } };
  expect(await w.call(TRANSCRIPT, again)).toMatchObject({ status: 304, body: undefined });
  expect(await w.call(TRANSCRIPT, { ...again, query: { format: 'srt' } })).toMatchObject({ status: 200 });
  w.chunks.put(chunkRow(2, { state: 'leased' }));
  expect(await w.call(TRANSCRIPT, again)).toMatchObject({ status: 304 });
  await w.store.noteTextChanged(SESSION);
  expect(await w.call(TRANSCRIPT, again)).toMatchObject({ status: 200, body: { gaps: [{ chunkNumber: 2 }] } });
});

test('an unchanged transcript is recognized by the row of the session alone, whatever its length [session.flat]', async () => {
  const w = await recordingWorld();
  for (let n = 1; n <= 3; n++) w.done(n);
  await w.store.noteTextChanged(SESSION);
  const { headers } = await w.call(TRANSCRIPT);
  const { listFrom, listOf } = w.chunks;
  Object.assign(w.chunks, { listFrom: fail, listOf: fail });
  w.results.reads.length = 0;
  expect(await w.call(TRANSCRIPT, { headers: { 'if-none-match': String(headers?.['etag']) } })).toMatchObject({ status: 304 });
  expect(w.results.reads).toEqual([]);
  Object.assign(w.chunks, { listFrom, listOf });
});

test('the final transcript is read from its stored object', async () => {
  const w = await recordingWorld();
  w.done(1);
  await w.store.complete(SESSION, 1, 5);
  const deps = {
    ...w.deps,
    results: w.results,
    correctorFor: async () => ({ correct: (t: string) => t, count: () => ({}), version: 0 }),
  };
  expect(await assembleSession(deps, SESSION)).toBe('written');
  w.results.reads.length = 0;
  expect((await w.call(TRANSCRIPT)).body).toMatchObject({ final: true, status: 'completed', text: 'w1-0 w1-1 w1-2' });
  expect(w.results.reads).toEqual([]);
});

test('a transcript that is too large for a response is a redirect, also during the recording', async () => {
  const w = await recordingWorld();
  w.done(1);
  const long = chunkTranscript(1);
  w.results.readResult = async () => ({
    ...long,
    segments: long.segments.map((one) => ({ ...one, text: 'x'.repeat(5_000_000) })),
  });
  expect(await w.call(TRANSCRIPT)).toMatchObject({
    status: 307,
    headers: { location: 'https://download', etag: expect.any(String) },
  });
  expect(JSON.parse(w.results.live ?? '')).toMatchObject({ final: false, segments: [{ id: 0 }] });
});

test('a Word document is sent as bytes; texts that are too large for a response are stored and redirected to [transcript.formats]', async () => {
  const w = await recordingWorld();
  w.done(1);
  const docx = await w.call(TRANSCRIPT, { query: { format: 'docx' } });
  expect(docx).toMatchObject({ status: 200, headers: { 'content-type': CONTENT_TYPES.docx } });
  expect(docx.body.subarray(0, 4).toString('latin1')).toBe('PK\u0003\u0004');
  const long = chunkTranscript(1);
  w.results.readResult = async () => ({
    ...long,
    segments: long.segments.map((one) => ({ ...one, text: 'word '.repeat(1_000_000), words: [] })),
  });
  expect(await w.call(TRANSCRIPT, { query: { format: 'md', marks: 'false' } })).toMatchObject({
    status: 307,
    headers: { location: 'https://download', etag: expect.stringMatching(/-md-plain-\w{8}"$/) },
  });
  const [[key, content] = []] = w.stored;
  expect(key).toBe(`users/${MINE['sub']}/sessions/${SESSION}/exports/md-plain.md`);
  expect(String(content)).toMatch(/^# Recording\n\nAdded .+\n\n0:00 word word/);
});

test('times of words: on request in vtt, left out of json on request, refused in other formats [transcript.formats]', async () => {
  const w = await recordingWorld();
  w.done(1);
  const read = (format: string, words: string) => w.call(TRANSCRIPT, { query: { format, words } });
  expect((await read('vtt', 'true')).body).toContain('w1-0 <00:00:01.000>w1-1 <00:00:02.000>w1-2');
  expect((await read('vtt', 'false')).body).toContain('w1-0 w1-1 w1-2');
  expect((await read('json', 'false')).body.segments).toMatchObject([{ text: 'w1-0 w1-1 w1-2', words: [] }]);
  expect((await read('json', 'true')).body.segments).toMatchObject([{ words: [{}, {}, {}] }]);
  for (const format of ['srt', 'txt', 'md', 'docx'])
    expect(await read(format, 'true')).toMatchObject({
      status: 422,
      body: { code: 'invalid', detail: 'times of words are available in json and vtt only' },
    });
  expect(await read('vtt', 'yes')).toMatchObject({ status: 422 });
});

test('the text of a range is available during the recording; invalid ranges are refused [transcript.ranges]', async () => {
  const w = await recordingWorld();
  w.done(1);
  expect(await w.call(TRANSCRIPT, { query: { start: '0', end: '2' } })).toMatchObject({
    body: { text: 'w1-0 w1-1', coverage: 1, source: 'cache' },
  });
  expect(await w.call(TRANSCRIPT, { query: { start: '0', end: '60' } })).toMatchObject({
    body: { text: null, coverage: 0.5, source: 'none' },
  });
  const ranges: Record<string, string>[] = [
    { start: '2', end: '2' },
    { start: '3', end: '2' },
    { start: '-1', end: '2' },
    { start: '1' },
    { format: 'pdf' },
  ];
  for (const query of ranges)
    expect(await w.call(TRANSCRIPT, { query })).toMatchObject({ status: 422, body: { code: 'invalid' } });
});

test('speaker turns get their text; invalid segments are refused [speakers]', async () => {
  const w = await recordingWorld();
  w.done(1);
  const segments = [
    { speaker: 'B', start: 1, end: 3 },
    { speaker: 'A', start: 0, end: 1 },
  ];
  expect(await w.call(SPEAKERS, { body: { segments } })).toMatchObject({
    status: 200,
    body: {
      turns: [
        { speaker: 'A', start: 0, end: 1, text: 'w1-0' },
        { speaker: 'B', start: 1, end: 3, text: 'w1-1 w1-2' },
      ],
    },
  });
  for (const segment of [
    { speaker: 'A', start: 2, end: 2 },
    { speaker: '', start: 0, end: 1 },
    { start: 0, end: 1 },
  ])
    expect(await w.call(SPEAKERS, { body: { segments: [segment] } })).toMatchObject({ status: 422 });
  expect(await w.call(SPEAKERS, { body: { segments }, claims: accessClaims('other') })).toMatchObject({ status: 403 });
});

test('corrections are applied to the live transcript', async () => {
  const w = await recordingWorld();
  w.done(1);
  const rules = [{ kind: 'word', match: 'w1-1', replace: 'Vienna' }];
  expect(await w.call('PUT /api/corrections', { body: { rules } })).toMatchObject({
    status: 200,
    body: { version: 1, applied: false, targetWords: [] },
  });
  expect((await w.call(TRANSCRIPT)).body).toMatchObject({ text: 'w1-0 Vienna w1-2' });
  expect((await w.call('GET /api/corrections')).body).toMatchObject({ rules: [{ kind: 'word', caseSensitive: false }] });
  expect((await w.call('GET /api/corrections', { claims: accessClaims('other') })).body).toMatchObject({ rules: [], version: 0 });
});

test.each([
  [{ rules: [{ kind: 'regex', match: '(', replace: '' }] }, 'rule 1'],
  [{ rules: [{ kind: 'regex', match: '(?=a)', replace: '' }] }, 'rule 1'],
  [{ rules: [{ kind: 'glob', match: 'a', replace: '' }] }, 'does not match'],
  [{ rules: [{ kind: 'word', match: '', replace: '' }] }, 'does not match'],
  [{ targetWords: [''] }, 'does not match'],
  [{ userId: 'user-other' }, 'does not match'],
])('corrections such as %j are refused [corrections]', async (body, detail) => {
  const w = await recordingWorld();
  expect(await w.call('PUT /api/corrections', { body })).toMatchObject({
    status: 422,
    body: { code: 'invalid', detail: expect.stringContaining(detail) },
  });
});

test('ranges and speaker turns contain the corrected text [transcript.corrected]', async () => {
  const w = await recordingWorld();
  w.done(1);
  const rules = [
    { kind: 'word', match: 'w1', replace: 'one' },
    { kind: 'phrase', match: 'one-1 one-2', replace: 'and so on' },
  ];
  await w.call('PUT /api/corrections', { body: { rules } });
  const range = (start: string, end: string) => w.call(TRANSCRIPT, { query: { start, end } });
  expect((await range('0', '0.9')).body).toMatchObject({ text: 'one-0' });
  expect((await range('0.9', '30')).body).toMatchObject({ text: 'and so on' });
  const segments = [
    { speaker: 'A', start: 0, end: 0.9 },
    { speaker: 'B', start: 0.9, end: 30 },
  ];
  expect((await w.call(SPEAKERS, { body: { segments } })).body).toMatchObject({
    turns: [
      { speaker: 'A', text: 'one-0' },
      { speaker: 'B', text: 'and so on' },
    ],
  });
});

test('an internal error does not reveal its cause', async () => {
  const w = await recordingWorld();
  const failing = async () => {
    throw new Error('arn:aws:dynamodb:secret-table is down');
  };
  const correctorFor = async () => ({ correct: (text: string) => text, count: () => ({}), version: 0 });
  const handler = buildTranscripts(
    {
      sessions: { get: failing, noteEdits: failing },
      chunks: w.chunks,
      results: w.results,
      notes: w.notes,
      knownVoices: w.knownVoices,
      canKnowVoices: true,
      newId: () => '',
      correctorFor,
      nowMs: () => 0,
      downloadUrl: async () => '',
      storeExport: failing,
    },
    CLIENT_ID,
  );
  const answer = await invoke(handler, { route: TRANSCRIPT, id: SESSION, claims: MINE });
  expect(answer).toMatchObject({ status: 500, body: { code: 'internal' } });
  expect(JSON.stringify(answer)).not.toContain('secret');
});

const EDITS = 'PUT /api/sessions/{id}/transcript/edits';

test('edits replace the transcribed words, are not corrected, and persist when the chunk is retranscribed [transcript.edits]', async () => {
  const w = await recordingWorld();
  w.done(1);
  await w.call('PUT /api/corrections', { body: { rules: [{ kind: 'literal', match: 'w1', replace: 'x' }] } });
  const edits = [
    { start: 1, end: 2, text: 'w1 person ' },
    { start: 20, end: 21, text: 'added' },
  ];
  expect(await w.call(EDITS, { body: { version: 0, edits } })).toMatchObject({ status: 200, body: { version: 1 } });
  const { body } = await w.call(TRANSCRIPT);
  expect(body.text).toBe('x-0 w1 person x-2 added');
  expect(body.segments[0].words.map(({ word }: { word: string }) => word)).toEqual([' w1-0', ' w1', ' person', ' w1-2']);
  const row = await w.chunks.get(SESSION, 1);
  if (row) w.chunks.put({ ...row, fence: 9 });
  expect((await w.call(TRANSCRIPT)).body.text).toBe('x-0 w1 person x-2 added');
  expect((await w.call('GET /api/sessions/{id}/transcript/edits')).body).toEqual({ version: 1, edits });
  await w.call(EDITS, { body: { version: 1, edits: [{ start: 0, end: 30, text: '' }] } });
  expect((await w.call(TRANSCRIPT)).body).toMatchObject({ text: '', segments: [] });
});

test('of two edits of the same version, the second is refused and nothing is lost [transcript.edits]', async () => {
  const w = await recordingWorld();
  await w.call(EDITS, { body: { version: 0, edits: [{ start: 0, end: 1, text: 'mine' }] } });
  expect(await w.call(EDITS, { body: { version: 0, edits: [] } })).toMatchObject({
    status: 409,
    body: { code: 'edits-changed', version: 1 },
  });
  expect((await w.call('GET /api/sessions/{id}/transcript/edits')).body).toMatchObject({ edits: [{ text: 'mine' }] });
});

test.each([
  [{ version: 0, edits: [{ start: 2, end: 1, text: 'x' }] }],
  [
    {
      version: 0,
      edits: [
        { start: 0, end: 2, text: 'x' },
        { start: 1, end: 3, text: 'y' },
      ],
    },
  ],
  [{ version: -1, edits: [] }],
  [{ edits: [] }],
])('edits such as %j are refused', async (body) => {
  const w = await recordingWorld();
  expect(await w.call(EDITS, { body })).toMatchObject({ status: 422 });
});

test("audio URLs are listed in pages, with the chunks' positions in time [transcript.player]", async () => {
  const w = await recordingWorld();
  w.done(1);
  w.chunks.put(chunkRow(3, { said_seconds: 12, overlap_ms: 0 }));
  expect((await w.call('GET /api/sessions/{id}/audio')).body).toEqual({
    chunks: [
      { chunkNumber: 1, start: 0, end: 30, url: 'https://download' },
      { chunkNumber: 3, start: 60, end: 72, url: 'https://download' },
    ],
    expiresInSeconds: 3600,
  });
  expect((await w.call('GET /api/sessions/{id}/audio', { query: { limit: '1' } })).body).toMatchObject({ chunks: [{}], next: 3 });
  expect(await w.call('GET /api/sessions/{id}/audio', { query: { limit: '0' } })).toMatchObject({ status: 422 });
});

test('the waveform has the highest peak of each interval, and zero for unknown audio [transcript.player]', async () => {
  const w = await recordingWorld();
  const peaks = Buffer.from([10, 20, 30, 40]).toString('base64');
  w.chunks.put(chunkRow(1, { state: 'done', duration_seconds: 0.4, peaks }));
  w.chunks.put(chunkRow(2, { said_seconds: 1.6 }));
  expect((await w.call('GET /api/sessions/{id}/peaks', { query: { points: '10' } })).body).toEqual({
    durationSeconds: 2,
    secondsPerPoint: 0.2,
    peaks: [20, 40, 0, 0, 0, 0, 0, 0, 0, 0],
  });
  expect((await (await recordingWorld()).call('GET /api/sessions/{id}/peaks')).body).toMatchObject({ peaks: [] });
});
