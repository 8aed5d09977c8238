/** Names of speakers through the API: they are stored with the edits, and the text is written again. */
import { expect, test } from 'vitest';
import { assembleSession } from '../../core/transcripts/assemble.ts';
import { recordingWorld } from '../support/recording-world.ts';
import { chunkRow, SESSION } from '../support/rows.ts';

const NAME = 'PUT /api/sessions/{id}/speakers';
const ASSIGN = 'POST /api/sessions/{id}/speakers/assign';
const EDIT = 'PUT /api/sessions/{id}/transcript/edits';
const TRANSCRIPT = 'GET /api/sessions/{id}/transcript';

async function voicedWorld() {
  const w = await recordingWorld();
  w.chunks.put(chunkRow(1, { state: 'done', result_key: 'voiced', duration_seconds: 30, fence: 1 }));
  const lines = async () => {
    const { body } = await w.call(TRANSCRIPT);
    return (body.segments as { speaker?: string; text: string }[]).map(({ speaker, text }) => `${speaker}: ${text}`);
  };
  return { ...w, lines };
}

test('speakers are named in the growing text and in the final one, beside edits of the text [speakers.names]', async () => {
  const w = await voicedWorld();
  expect(await w.lines()).toEqual(['S1: w1-0 w1-1', 'S2: w1-2']);
  expect(await w.call(NAME, { body: { speaker: 'S2', name: 'Ana' } })).toMatchObject({ status: 200, body: { version: 1 } });
  expect(await w.lines()).toEqual(['S1: w1-0 w1-1', 'Ana: w1-2']);
  const edits = [{ start: 0, end: 0.6, text: 'Hello' }];
  expect(await w.call(EDIT, { body: { version: 1, edits } })).toMatchObject({ status: 200, body: { version: 2 } });
  expect(await w.call(ASSIGN, { body: { start: 1, end: 2, speaker: 'Ana' } })).toMatchObject({ body: { version: 3 } });
  expect(await w.lines()).toEqual(['S1: Hello', 'Ana: w1-1 w1-2']);
  await w.store.complete(SESSION, 1, 5);
  const correctorFor = async () => ({ correct: (text: string) => text, count: () => ({}), version: 0 });
  expect(await assembleSession({ ...w.deps, results: w.results, correctorFor }, SESSION)).toBe('written');
  expect(await w.lines()).toEqual(['S1: Hello', 'Ana: w1-1 w1-2']);
  expect((await w.call(TRANSCRIPT, { query: { format: 'srt' } })).body).toContain('Ana: w1-1');
  expect(await w.call(NAME, { body: { speaker: 'Ana', name: '' } })).toMatchObject({ body: { version: 4 } });
});

test('two people who name speakers at once lose nothing [speakers.names]', async () => {
  const w = await voicedWorld();
  await Promise.all([
    w.call(NAME, { body: { speaker: 'S1', name: 'Ben' } }),
    w.call(NAME, { body: { speaker: 'S2', name: 'Ana' } }),
  ]);
  expect(await w.lines()).toEqual(['Ben: w1-0 w1-1', 'Ana: w1-2']);
});

test('unknown speakers, and texts without speakers, are refused with a reason', async () => {
  const w = await voicedWorld();
  expect(await w.call(NAME, { body: { speaker: 'S3', name: 'Ana' } })).toMatchObject({
    status: 422,
    body: { detail: 'this transcript has no speaker S3' },
  });
  w.done(1);
  expect(await w.call(NAME, { body: { speaker: 'S1', name: 'Ana' } })).toMatchObject({
    status: 409,
    body: { code: 'not-ready' },
  });
});
