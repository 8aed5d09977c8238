/** Speakers of files through the API: they are named, merged and assigned, and stay named when the file is transcribed again. */
import { expect, test } from 'vitest';
import { fileWorld, spokenPart } from '../support/file-world.ts';

const NAME = 'PUT /api/transcriptions/{id}/speakers';
const ASSIGN = 'POST /api/transcriptions/{id}/speakers/assign';
const TRANSCRIPT = 'GET /api/transcriptions/{id}/transcript';
const [LOW, HIGH, OTHER] = [
  [120, 0, 0],
  [0, 120, 0],
  [0, 0, 120],
];

/** A file of two parts and two people. */
async function twoPeople() {
  const w = fileWorld();
  const id = await w.uploaded();
  await w.transcribed(id, spokenPart(1, [0, 0, 1], [LOW, HIGH]), spokenPart(2, [0, 1], [HIGH, LOW]));
  const name = (speaker: string, to: string) => w.call(NAME, { id, body: { speaker, name: to } });
  const exported = async (format: string) => String((await w.call(TRANSCRIPT, { id, query: { format } })).body);
  return { ...w, id, name, exported };
}

test('speakers of a file are named, merged and assigned, in all formats [speakers.names]', async () => {
  const w = await twoPeople();
  expect(await w.lines(w.id)).toEqual(['S1: w1-0 w1-1', 'S2: w1-2', 'S2: w2-0', 'S1: w2-1']);
  expect(await w.name('S2', 'Ana')).toMatchObject({ status: 200, body: { version: 1 } });
  expect(await w.lines(w.id)).toEqual(['S1: w1-0 w1-1', 'Ana: w1-2', 'Ana: w2-0', 'S1: w2-1']);
  expect(await w.exported('srt')).toContain('Ana: w1-2');
  expect(await w.exported('md')).toContain('Ana');
  const assigned = await w.call(ASSIGN, { id: w.id, body: { start: 1, end: 2, speaker: 'Ben' } });
  expect(assigned).toMatchObject({ status: 200, body: { version: 2 } });
  expect((await w.lines(w.id)).slice(0, 3)).toEqual(['S1: w1-0', 'Ben: w1-1', 'Ana: w1-2']);
  await w.name('S1', 'Ana');
  expect(await w.lines(w.id)).toEqual(['Ana: w1-0', 'Ben: w1-1', 'Ana: w1-2', 'Ana: w2-0', 'Ana: w2-1']);
  await w.name('Ana', '');
  await w.name('Ben', '');
  expect(await w.lines(w.id)).toEqual(['S1: w1-0 w1-1', 'S2: w1-2', 'S2: w2-0', 'S1: w2-1']);
});

test('names of a file stay with their voices when it is transcribed again [speakers.names]', async () => {
  const w = await twoPeople();
  await w.name('S2', 'Ana');
  await w.call('POST /api/transcriptions/{id}/retranscribe', { id: w.id, body: { model: 'large-v3' } });
  expect((await w.lines(w.id))[1]).toBe('Ana: w1-2');
  await w.transcribed(w.id, spokenPart(1, [0, 1], [HIGH, OTHER]), spokenPart(2, [0], [LOW]));
  expect(await w.lines(w.id)).toEqual(['Ana: w1-0', 'S2: w1-1', 'S3: w2-0']);
});

test('two people who name speakers of a file at once lose nothing [speakers.names]', async () => {
  const w = await twoPeople();
  await Promise.all([w.name('S1', 'Ben'), w.name('S2', 'Ana')]);
  expect(await w.lines(w.id)).toEqual(['Ben: w1-0 w1-1', 'Ana: w1-2', 'Ana: w2-0', 'Ben: w2-1']);
});

test('voices never leave the server with the text', async () => {
  const w = await twoPeople();
  for (const isNamed of [false, true]) {
    if (isNamed) await w.name('S1', 'Ben');
    const { body } = await w.call(TRANSCRIPT, { id: w.id });
    expect(body).not.toHaveProperty('speakers');
    expect(JSON.stringify(body)).not.toContain('voice');
  }
});

test('a text that is too large for a response has the names, too, and no voices [speakers.names]', async () => {
  const w = fileWorld();
  const id = await w.uploaded();
  const long = spokenPart(
    1,
    Array.from({ length: 60_000 }, () => 0),
    [LOW],
  );
  await w.transcribed(id, long);
  await w.call(NAME, { id, body: { speaker: 'S1', name: 'Ana' } });
  const { status, headers } = await w.call(TRANSCRIPT, { id });
  expect(status).toBe(307);
  const key = String(headers?.['location']).replace('https://s3/', '');
  const text = String(w.stored.get(key));
  expect(text).toContain('"speaker":"Ana"');
  expect(text).not.toContain('voice');
});

test('files of older versions, which have labels only, can be named [speakers.names]', async () => {
  const w = await twoPeople();
  const job = await w.jobs.get(w.id);
  const stored = job && (await w.files.readTranscript(job));
  if (stored === undefined) throw new Error('no transcript');
  const { speakers: _voices, ...older } = stored;
  await w.files.writeTranscript(job as NonNullable<typeof job>, older);
  await w.name('S2', 'Ana');
  expect(await w.lines(w.id)).toEqual(['S1: w1-0 w1-1', 'Ana: w1-2', 'Ana: w2-0', 'S1: w2-1']);
});

test('separate channels of a file are named by their number [speakers.names]', async () => {
  const w = fileWorld();
  const id = await w.uploaded({ diarize: false, channels: 'separate' });
  const { speakers: _none, ...part } = spokenPart(1, [0], []);
  const [segment] = part.segments;
  if (segment === undefined) throw new Error('no segment');
  const words = segment.words.map(({ speaker: _voice, ...word }) => word);
  const segments = [1, 2].map((channel) => ({ ...segment, words, channel }));
  await w.transcribed(id, { ...part, segments });
  await w.call(NAME, { id, body: { speaker: 'S2', name: 'Caller' } });
  expect(await w.lines(id)).toEqual(['S1: w1-0', 'Caller: w1-0']);
});

test('unknown speakers of a file, and files without speakers or text, are refused with a reason', async () => {
  const w = await twoPeople();
  expect(await w.name('S3', 'Ana')).toMatchObject({ status: 422, body: { detail: 'this transcript has no speaker S3' } });
  const open = await w.uploaded({ diarize: false });
  const refused = { status: 409, body: { code: 'not-ready' } };
  expect(await w.call(NAME, { id: open, body: { speaker: 'S1', name: 'Ana' } })).toMatchObject(refused);
  const { speakers: _none, ...plain } = spokenPart(1, [], []);
  await w.transcribed(open, plain);
  expect(await w.call(NAME, { id: open, body: { speaker: 'S1', name: 'Ana' } })).toMatchObject(refused);
});

test.each([
  [{ maxSpeakers: 1 }, ['S1', 'S1']],
  [{}, ['S1', 'S2', 'S1', 'S2']],
  [{ minSpeakers: 3, maxSpeakers: 3 }, ['S1', 'S2', 'S3', 'S2']],
])('a file has as many speakers as its user says: %j [speakers.number]', async (counts, labels) => {
  const w = fileWorld();
  const id = await w.uploaded(counts);
  const alike = [110, 40, 0];
  await w.transcribed(id, spokenPart(1, [0, 1], [LOW, HIGH]), spokenPart(2, [0, 1], [alike, HIGH]));
  expect((await w.lines(id)).map((line) => line.split(':')[0])).toEqual(labels);
});

test('similar voices that are two speakers because the user says so keep names of their own [speakers.number, speakers.names]', async () => {
  const w = fileWorld();
  const id = await w.uploaded({ minSpeakers: 3 });
  const alike = [110, 40, 0];
  const parts = [spokenPart(1, [0, 1], [LOW, HIGH]), spokenPart(2, [0, 1], [alike, HIGH])];
  await w.transcribed(id, ...parts);
  const name = (speaker: string, to: string) => w.call(NAME, { id, body: { speaker, name: to } });
  await name('S1', 'Ana');
  expect(await w.lines(id)).toEqual(['Ana: w1-0', 'S2: w1-1', 'S3: w2-0', 'S2: w2-1']);
  await name('S3', 'Eva');
  await w.call('POST /api/transcriptions/{id}/retranscribe', { id, body: { model: 'large-v3' } });
  await w.transcribed(id, ...parts.reverse());
  expect(await w.lines(id)).toEqual(['Eva: w2-0', 'S2: w2-1', 'Ana: w1-0', 'S2: w1-1']);
  await name('Eva', 'Ana');
  expect(await w.lines(id)).toEqual(['Ana: w2-0', 'S2: w2-1', 'Ana: w1-0', 'S2: w1-1']);
});

test('numbers of speakers reach the worker, also for a new transcription, and tell contents apart [speakers.number]', async () => {
  const w = fileWorld();
  const ids = [await w.uploaded(), await w.uploaded({ minSpeakers: 2, maxSpeakers: 4 }), await w.uploaded({ minSpeakers: 2 })];
  for (const id of ids) await w.transcribed(id, spokenPart(1, [0], [LOW]));
  const numbers = async (id = '') =>
    (await w.chunks.listOf(id)).map(({ min_speakers, max_speakers }) => [min_speakers, max_speakers]);
  expect(await numbers(ids[0])).toEqual([
    [undefined, undefined],
    [undefined, undefined],
  ]);
  expect(await numbers(ids[1])).toEqual([
    [2, 4],
    [2, 4],
  ]);
  await w.call('POST /api/transcriptions/{id}/retranscribe', { id: ids[1] ?? '', body: { model: 'large-v3' } });
  await w.transcribed(ids[1] ?? '', spokenPart(1, [0], [LOW]));
  expect(await numbers(ids[1])).toEqual([
    [2, 4],
    [2, 4],
  ]);
  expect(new Set(await Promise.all(ids.map(async (id) => (await w.jobs.get(id))?.content_id))).size).toBe(3);
});

test.each([
  ['no speaker', { minSpeakers: 0 }],
  ['half a speaker', { maxSpeakers: 1.5 }],
  ['51 speakers', { maxSpeakers: 51 }],
  ['at least more than at most', { minSpeakers: 3, maxSpeakers: 2 }],
  ['a number without diarize', { diarize: false, maxSpeakers: 2 }],
  ['a number of separate channels', { diarize: false, channels: 'separate', minSpeakers: 2 }],
])('%s is refused for a file [speakers.number]', async (_what, body) => {
  expect(await fileWorld().create(body)).toMatchObject({ status: 422, body: { code: 'invalid' } });
});
