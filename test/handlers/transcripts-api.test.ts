import { expect, test } from 'vitest';
import { assembleSession } from '../../core/transcripts/assemble.ts';
import { buildHandler as buildTranscripts } from '../../lambdas/transcripts-api/handler.ts';
import { accessClaims, CLIENT_ID, invoke } from '../support/api-event.ts';
import { MINE, recordingWorld } from '../support/recording-world.ts';
import { chunkRow, SESSION } from '../support/rows.ts';

const TRANSCRIPT = 'GET /api/sessions/{id}/transcript';
const SPEAKERS = 'POST /api/sessions/{id}/speakers';

test('a transcript of which nothing has arrived says why it is not there', async () => {
  const w = await recordingWorld();
  expect(await w.call(TRANSCRIPT)).toMatchObject({
    status: 409,
    body: { code: 'not-ready', detail: expect.stringContaining('no chunk has arrived') },
  });
});

test('the text grows while the recording runs, and what is awaited is said', async () => {
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
  expect((await w.call(TRANSCRIPT, { query: { format: 'txt' } })).body).toBe('w1-0 w1-1 w1-2 w2-0 w2-1 w2-2\n');
});

test('who has the newest text already gets none again; each format and range has a tag of its own', async () => {
  const w = await recordingWorld();
  w.done(1);
  const { headers } = await w.call(TRANSCRIPT);
  const etag = String(headers?.['etag']);
  expect(etag).toMatch(/^"live-.+-json"$/);
  const again = { headers: { 'if-none-match': etag } };
  expect(await w.call(TRANSCRIPT, again)).toMatchObject({ status: 304, body: undefined });
  expect(await w.call(TRANSCRIPT, { ...again, query: { format: 'srt' } })).toMatchObject({ status: 200 });
  w.chunks.put(chunkRow(2, { state: 'leased' }));
  const waiting = await w.call(TRANSCRIPT, again);
  expect(waiting.status).toBe(200);
  w.chunks.put(chunkRow(2, { state: 'pending' }));
  expect(await w.call(TRANSCRIPT, { headers: { 'if-none-match': String(waiting.headers?.['etag']) } })).toMatchObject({
    status: 304,
  });
});

test('the final transcript is the one that was written down', async () => {
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

test('text of a range, also while the recording runs, and ranges that are none', async () => {
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

test('speaker turns get their text; what is no segment is refused', async () => {
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

test('corrections are in the live text, too', async () => {
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
  [{ userId: 'somebody' }, 'does not match'],
])('corrections such as %j are refused', async (body, detail) => {
  const w = await recordingWorld();
  expect(await w.call('PUT /api/corrections', { body })).toMatchObject({
    status: 422,
    body: { code: 'invalid', detail: expect.stringContaining(detail) },
  });
});

test('an error of ours says nothing of its cause', async () => {
  const w = await recordingWorld();
  const failing = async () => {
    throw new Error('arn:aws:dynamodb:secret-table is down');
  };
  const correctorFor = async () => ({ correct: (text: string) => text, count: () => ({}), version: 0 });
  const handler = buildTranscripts(
    { sessions: { get: failing }, chunks: w.chunks, results: w.results, correctorFor, downloadUrl: async () => '' },
    CLIENT_ID,
  );
  const answer = await invoke(handler, { route: TRANSCRIPT, id: SESSION, claims: MINE });
  expect(answer).toMatchObject({ status: 500, body: { code: 'internal' } });
  expect(JSON.stringify(answer)).not.toContain('secret');
});
