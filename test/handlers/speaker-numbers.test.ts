/** A user says how many speakers a recording has: the request, the session, and all of its texts. */
import { expect, test } from 'vitest';
import { assembleSession } from '../../core/transcripts/assemble.ts';
import { spokenPart } from '../support/file-world.ts';
import { recordingWorld } from '../support/recording-world.ts';
import { chunkRow, sessionRow } from '../support/rows.ts';

const NAME = 'PUT /api/sessions/{id}/speakers';
const TRANSCRIPT = 'GET /api/sessions/{id}/transcript';
const CREATE = 'POST /api/sessions';

test('a session tells the numbers of speakers that it was created with [speakers.number]', async () => {
  const w = await recordingWorld({ canDiarize: true });
  const numbers = { diarize: true, minSpeakers: 2, maxSpeakers: 2 };
  expect(await w.call(CREATE, { body: numbers })).toMatchObject({ status: 201, body: numbers });
  expect(await w.store.get('session_ULID')).toMatchObject({ diarize: true, min_speakers: 2, max_speakers: 2 });
});

test.each([
  ['no speaker', { diarize: true, maxSpeakers: 0 }],
  ['51 speakers', { diarize: true, minSpeakers: 51 }],
  ['text', { diarize: true, minSpeakers: '2' }],
  ['at least more than at most', { diarize: true, minSpeakers: 3, maxSpeakers: 2 }],
  ['a number without diarize', { minSpeakers: 2 }],
])('%s is refused for a recording [speakers.number]', async (_what, body) => {
  const w = await recordingWorld({ canDiarize: true });
  expect(await w.call(CREATE, { body })).toMatchObject({ status: 422, body: { code: 'invalid' } });
  expect(await w.store.get('session_ULID')).toBeUndefined();
});

const raise = (key: string): never => {
  throw new Error(`no result ${key}`);
};

/** A session of two chunks with two voices each: three of the four are two people's, and the other one is similar to the first. */
async function spoken(numbers: object) {
  const w = await recordingWorld();
  const session = 'session_numbered';
  const [low, high, alike] = [
    [120, 0],
    [0, 120],
    [110, 40],
  ];
  const chunks = [spokenPart(1, [0, 1], [low, high]), spokenPart(2, [0, 1], [alike, high])];
  w.results.readResult = async (key) => chunks[Number(key)] ?? raise(key);
  await w.store.create(sessionRow({ session_id: session, diarize: true, ...numbers }));
  for (const n of [1, 2])
    w.chunks.put(
      chunkRow(n, {
        session_id: session,
        state: 'done',
        result_key: String(n - 1),
        duration_seconds: 30,
        fence: 1,
        overlap_ms: 0,
      }),
    );
  const labels = async () => {
    const { body } = await w.call(TRANSCRIPT, { id: session });
    return [...new Set((body.segments as { speaker?: string }[]).map(({ speaker }) => speaker))];
  };
  const complete = async () => {
    await w.store.complete(session, 2, 5);
    const correctorFor = async () => ({ correct: (text: string) => text, count: () => ({}), version: 0 });
    expect(await assembleSession({ ...w.deps, results: w.results, correctorFor }, session)).toBe('written');
  };
  return { ...w, session, labels, complete };
}

test.each([
  [{}, ['S1', 'S2']],
  [{ max_speakers: 1 }, ['S1']],
  [{ min_speakers: 2, max_speakers: 2 }, ['S1', 'S2']],
  [{ min_speakers: 3, max_speakers: 5 }, ['S1', 'S2', 'S3']],
])(
  'the growing and the final text of a recording have as many speakers as its user says: %j [speakers.number]',
  async (numbers, labels) => {
    const w = await spoken(numbers);
    expect(await w.labels()).toEqual(labels);
    await w.complete();
    expect(await w.labels()).toEqual(labels);
  },
);

test('speakers that are named are those of the numbers [speakers.number, speakers.names]', async () => {
  const w = await spoken({ max_speakers: 1 });
  expect(await w.call(NAME, { id: w.session, body: { speaker: 'S2', name: 'Ana' } })).toMatchObject({ status: 422 });
  expect(await w.call(NAME, { id: w.session, body: { speaker: 'S1', name: 'Ana' } })).toMatchObject({ status: 200 });
  expect(await w.labels()).toEqual(['Ana']);
});
