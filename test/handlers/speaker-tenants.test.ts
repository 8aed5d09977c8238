/** Two users have the same audio. The names that one of them gives are no one else's: not to read, not to change, not by voice. */
import { expect, test } from 'vitest';
import { FORMATS } from '../../core/contracts/formats.ts';
import { assembleSession } from '../../core/transcripts/assemble.ts';
import { accessClaims } from '../support/api-event.ts';
import { fileWorld, spokenPart } from '../support/file-world.ts';
import { recordingWorld } from '../support/recording-world.ts';
import { chunkRow, sessionRow, USER } from '../support/rows.ts';

const [OTHER, NAME_OF_A] = ['user-b', 'Anabel'];
const [LOW, HIGH] = [
  [120, 0],
  [0, 120],
];
const PART = spokenPart(1, [0, 1], [LOW, HIGH]);

/** Every way to name S2 and to assign words, as a caller. */
const CHANGES = [
  ['PUT', 'speakers', { speaker: 'S2', name: 'Mallory' }],
  ['PUT', 'speakers', { speaker: NAME_OF_A, name: '' }],
  ['PUT', 'speakers', { speaker: 'S1', name: NAME_OF_A }],
  ['POST', 'speakers/assign', { start: 0, end: 30, speaker: 'Mallory' }],
] as const;

test("a user neither reads nor changes the names of another user's file, and gets none for the same audio [security.tenants, speakers.names]", async () => {
  const w = fileWorld();
  const [a, b] = [await w.uploaded(), await w.uploaded({}, OTHER)];
  for (const id of [a, b]) await w.transcribed(id, PART);
  const read = (id: string, user: string, format: string) =>
    w.call('GET /api/transcriptions/{id}/transcript', { id, user, query: { format } });
  await w.call('PUT /api/transcriptions/{id}/speakers', { id: a, body: { speaker: 'S2', name: NAME_OF_A } });
  const ofA = await w.lines(a);
  expect(ofA).toEqual(['S1: w1-0', `${NAME_OF_A}: w1-1`]);

  for (const [method, path, body] of CHANGES)
    expect(await w.call(`${method} /api/transcriptions/{id}/${path}`, { id: a, user: OTHER, body })).toMatchObject({
      status: 403,
    });
  for (const format of FORMATS) {
    const refused = await read(a, OTHER, format);
    expect([refused.status, JSON.stringify(refused).includes(NAME_OF_A)]).toEqual([403, false]);
    expect(JSON.stringify(await read(b, OTHER, format))).not.toContain(NAME_OF_A);
  }
  expect(await w.lines(b, OTHER)).toEqual(['S1: w1-0', 'S2: w1-1']);

  // What B does with B's own file, also with the same name, leaves A's as it is.
  for (const [method, path, body] of CHANGES.slice(0, 1).concat(CHANGES.slice(3)))
    expect(await w.call(`${method} /api/transcriptions/{id}/${path}`, { id: b, user: OTHER, body })).toMatchObject({
      status: 200,
    });
  await w.call('POST /api/transcriptions/{id}/retranscribe', { id: b, user: OTHER, body: { model: 'large-v3' } });
  await w.transcribed(b, PART);
  expect(JSON.stringify(await read(b, OTHER, 'json'))).not.toContain(NAME_OF_A);
  expect(await w.lines(a)).toEqual(ofA);
  // B's next file with this audio begins without names; so does A's.
  for (const user of [OTHER, USER]) {
    const next = await w.uploaded({}, user);
    await w.transcribed(next, PART);
    expect(await w.lines(next, user)).toEqual(['S1: w1-0', 'S2: w1-1']);
  }
});

test("a user neither reads nor changes the names of another user's recording, and gets none for the same audio [security.tenants, speakers.names]", async () => {
  const w = await recordingWorld();
  const [a, b] = ['session_of_a', 'session_of_b'];
  for (const [session_id, user_id] of [
    [a, USER],
    [b, OTHER],
  ] as const) {
    await w.store.create(sessionRow({ session_id, user_id, diarize: true }));
    w.chunks.put(chunkRow(1, { session_id, user_id, state: 'done', result_key: 'voiced', duration_seconds: 30, fence: 1 }));
  }
  const call = (user: string, id: string, route: string, more: object = {}) =>
    w.call(route, { id, claims: accessClaims(user), ...more });
  const TRANSCRIPT = 'GET /api/sessions/{id}/transcript';
  const lines = async (user: string, id: string) =>
    ((await call(user, id, TRANSCRIPT)).body.segments as { speaker?: string; text: string }[]).map(
      ({ speaker, text }) => `${speaker}: ${text}`,
    );
  await call(USER, a, 'PUT /api/sessions/{id}/speakers', { body: { speaker: 'S2', name: NAME_OF_A } });
  const ofA = await lines(USER, a);
  expect(ofA).toEqual(['S1: w1-0 w1-1', `${NAME_OF_A}: w1-2`]);

  for (const [method, path, body] of CHANGES)
    expect(await call(OTHER, a, `${method} /api/sessions/{id}/${path}`, { body })).toMatchObject({ status: 403 });
  expect(await call(OTHER, a, 'POST /api/sessions/{id}/speakers', { body: {} })).toMatchObject({ status: 403 });
  for (const format of FORMATS) {
    const refused = await call(OTHER, a, TRANSCRIPT, { query: { format } });
    expect([refused.status, JSON.stringify(refused).includes(NAME_OF_A)]).toEqual([403, false]);
    expect(JSON.stringify(await call(OTHER, b, TRANSCRIPT, { query: { format } }))).not.toContain(NAME_OF_A);
  }
  await w.store.complete(b, 1, 5);
  const correctorFor = async () => ({ correct: (text: string) => text, count: () => ({}), version: 0 });
  expect(await assembleSession({ ...w.deps, results: w.results, correctorFor }, b)).toBe('written');
  expect(await lines(OTHER, b)).toEqual(['S1: w1-0 w1-1', 'S2: w1-2']);
  await call(OTHER, b, 'PUT /api/sessions/{id}/speakers', { body: { speaker: 'S2', name: 'Mallory' } });
  expect(await lines(USER, a)).toEqual(ofA);
});
