/** Known voices through the API. The example text has two voices: the second one speaks its last word. */
import { expect, test } from 'vitest';
import { MAX_KNOWN_VOICES } from '../../core/contracts/known-voices.ts';
import type { ChunkTranscript } from '../../core/contracts/transcript.ts';
import { deleteKnownVoices } from '../../core/transcripts/known-voices.ts';
import { accessClaims } from '../support/api-event.ts';
import { recordingWorld } from '../support/recording-world.ts';
import { chunkRow, chunkTranscript, SESSION, sessionRow, USER, voicedTranscript } from '../support/rows.ts';

const SAVE = 'POST /api/known-voices';
const LIST = 'GET /api/known-voices';
const DELETE = 'DELETE /api/known-voices/{id}';
const DELETE_ALL = 'DELETE /api/known-voices';
const SUGGEST = 'GET /api/sessions/{id}/speaker-suggestions';
const NAME = 'PUT /api/sessions/{id}/speakers';
const TRANSCRIPT = 'GET /api/sessions/{id}/transcript';
const OTHER = 'user-b';
const LATER = 'session_later';

const measuredBy = (model: string | undefined): ChunkTranscript => {
  const chunk = voicedTranscript(1);
  return { ...chunk, speakers: chunk.speakers?.map(({ voice, seconds }) => ({ voice, seconds, ...(model && { model }) })) };
};

/** The second voice of the first session is named Ana. */
async function knowingWorld(options = { canKnowVoices: true }) {
  const w = await recordingWorld(options);
  const results: Record<string, ChunkTranscript> = { voiced: voicedTranscript(1), r1: chunkTranscript(1) };
  w.results.readResult = async (key) => results[key] as ChunkTranscript;
  const add = async (session_id: string, user_id = USER, result_key = 'voiced') => {
    if (session_id !== SESSION) await w.store.create(sessionRow({ session_id, user_id }));
    w.chunks.put(chunkRow(1, { session_id, user_id, state: 'done', result_key, duration_seconds: 30, fence: 1 }));
  };
  await add(SESSION);
  await w.call(NAME, { body: { speaker: 'S2', name: 'Ana' } });
  return {
    ...w,
    results,
    add,
    save: (speaker: string, sessionId = SESSION, user = USER) =>
      w.call(SAVE, { body: { sessionId, speaker }, claims: accessClaims(user) }),
    names: async (user = USER) => {
      const { body } = await w.call(LIST, { claims: accessClaims(user) });
      return (body.voices as { name: string }[]).map(({ name }) => name);
    },
    suggestions: async (id = LATER, user = USER) => {
      const { status, body } = await w.call(SUGGEST, { id, claims: accessClaims(user) });
      expect(status).toBe(200);
      return (body.suggestions as { speaker: string; name: string }[]).map(({ speaker, name }) => `${speaker}: ${name}`);
    },
  };
}

test('known voices are off by default: nothing is stored or suggested, and all can still be deleted [speakers.known]', async () => {
  const w = await knowingWorld({ canKnowVoices: false });
  const off = { status: 404, body: { detail: 'this stage has no known voices: its parameter knownVoices is off' } };
  expect(await w.save('Ana')).toMatchObject(off);
  expect(await w.knownVoices.get(USER)).toBeUndefined();
  const voices = [{ id: 'known-1', name: 'Ana', model: 'ge2e', voice: 'AH8=', seconds: 10, saved_at_ms: 1 }];
  await w.knownVoices.put(USER, { revision: 'before', voices }, undefined);
  await w.add(LATER);
  expect(await w.call(SUGGEST, { id: LATER })).toMatchObject(off);
  expect(await w.call(LIST)).toMatchObject(off);
  expect(await w.call(DELETE, { id: 'known-1' })).toMatchObject(off);
  expect(await w.call(DELETE_ALL)).toMatchObject({ status: 204 });
  expect(await w.knownVoices.get(USER)).toBeUndefined();
});

test('a later recording suggests the name of a saved voice, and only the user applies it [speakers.known]', async () => {
  const w = await knowingWorld();
  w.clock.ms = Date.parse('2026-03-05T10:00:00Z');
  const saved = await w.save('Ana');
  expect(saved).toMatchObject({ status: 200, body: { name: 'Ana', savedAt: '2026-03-05T10:00:00.000Z' } });
  await w.add(LATER);
  expect(await w.call(SUGGEST, { id: LATER })).toMatchObject({
    body: { suggestions: [{ speaker: 'S2', name: 'Ana', knownVoiceId: saved.body.id, similarity: 1 }] },
  });
  for (const format of ['json', 'txt', 'srt', 'vtt', 'md'])
    expect(JSON.stringify((await w.call(TRANSCRIPT, { id: LATER, query: { format } })).body)).not.toContain('Ana');
  await w.store.create(sessionRow({ session_id: 'session_one', max_speakers: 1 }));
  w.chunks.put(chunkRow(1, { session_id: 'session_one', state: 'done', result_key: 'voiced', duration_seconds: 30, fence: 1 }));
  expect(await w.suggestions('session_one')).toEqual([]);
  await w.call(NAME, { id: LATER, body: { speaker: 'S2', name: 'Ana' } });
  expect(JSON.stringify((await w.call(TRANSCRIPT, { id: LATER })).body)).toContain('Ana');
  expect(await w.suggestions()).toEqual([]);
});

test("a voice of one user never matches in another's transcript, and no one else reads or deletes it [speakers.known]", async () => {
  const w = await knowingWorld();
  const { id } = (await w.save('Ana')).body;
  await w.add(LATER);
  await w.add('session_other', OTHER);
  expect(await w.suggestions('session_other', OTHER)).toEqual([]);
  const admin = accessClaims('ada', { 'cognito:groups': '[admin]' });
  for (const claims of [accessClaims(OTHER), admin]) {
    expect(await w.call(SUGGEST, { id: LATER, claims })).toMatchObject({ status: 403 });
    expect(await w.call(SAVE, { body: { sessionId: SESSION, speaker: 'Ana' }, claims })).toMatchObject({ status: 403 });
    expect(await w.call(LIST, { claims })).toMatchObject({ status: 200, body: { voices: [] } });
    expect(await w.call(DELETE, { id, claims })).toMatchObject({ status: 204 });
    expect(await w.call(DELETE_ALL, { claims })).toMatchObject({ status: 204 });
  }
  await w.call(NAME, { id: 'session_other', body: { speaker: 'S1', name: 'Bea' }, claims: accessClaims(OTHER) });
  expect(await w.save('Bea', 'session_other', OTHER)).toMatchObject({ status: 200 });
  expect([await w.names(), await w.names(OTHER)]).toEqual([['Ana'], ['Bea']]);
  expect(await w.suggestions()).toEqual(['S2: Ana']);
});

test('voices that another or an unknown model measured are neither compared nor saved [speakers.known]', async () => {
  const w = await knowingWorld();
  await w.save('Ana');
  w.results['other'] = measuredBy('own.onnx');
  w.results['unknown'] = measuredBy(undefined);
  await w.add('session_same');
  await w.add('session_model', USER, 'other');
  await w.add('session_none', USER, 'unknown');
  expect(await w.suggestions('session_same')).toEqual(['S2: Ana']);
  expect(await w.suggestions('session_model')).toEqual([]);
  expect(await w.suggestions('session_none')).toEqual([]);
  await w.call(NAME, { id: 'session_none', body: { speaker: 'S1', name: 'Ben' } });
  expect(await w.save('Ben', 'session_none')).toMatchObject({
    status: 422,
    body: { detail: 'this transcript has no speaker Ben whose voice is known' },
  });
});

test('only the voice of a named speaker who speaks long enough is saved', async () => {
  const w = await knowingWorld();
  expect(await w.save('S1')).toMatchObject({ status: 422, body: { detail: 'name the speaker first' } });
  expect(await w.save('Eva')).toMatchObject({ status: 422 });
  const short = voicedTranscript(1);
  w.results['voiced'] = { ...short, speakers: short.speakers?.map((voice) => ({ ...voice, seconds: 9 })) };
  expect(await w.save('Ana')).toMatchObject({ status: 422, body: { detail: 'Ana speaks for less than 10 s here' } });
  w.done(1);
  expect(await w.save('Ana')).toMatchObject({ status: 409, body: { code: 'not-ready' } });
  expect(await w.names()).toEqual([]);
});

test('saving again, also from two tabs at once, keeps one voice per name, and at most 100 [speakers.known]', async () => {
  const w = await knowingWorld();
  const ids = (await Promise.all([w.save('Ana'), w.save('Ana')])).map(({ body }) => body.id);
  expect([...new Set(ids), ...(await w.names())]).toEqual([ids[0], 'Ana']);
  const row = await w.knownVoices.get(USER);
  const full = Array.from({ length: MAX_KNOWN_VOICES }, (_, n) => ({ ...row?.voices[0], id: `id-${n}`, name: `Eva ${n}` }));
  await w.knownVoices.put(USER, { revision: 'full', voices: full as never }, row?.revision);
  expect(await w.save('Ana')).toMatchObject({ status: 422, body: { detail: expect.stringContaining('100 known voices') } });
  await w.call(NAME, { body: { speaker: 'Ana', name: 'Eva 7' } });
  expect(await w.save('Eva 7')).toMatchObject({ status: 200, body: { id: 'id-7' } });
  expect(await w.call(DELETE, { id: 'id-1' })).toMatchObject({ status: 204 });
  expect(await w.names()).toHaveLength(MAX_KNOWN_VOICES - 1);
});

test('a deleted voice is not stored or suggested any more, nor are those of a deleted user [speakers.known]', async () => {
  const w = await knowingWorld();
  await w.add(LATER);
  const { id } = (await w.save('Ana')).body;
  expect(await w.suggestions()).toEqual(['S2: Ana']);
  for (let times = 0; times < 2; times++) expect(await w.call(DELETE, { id })).toMatchObject({ status: 204 });
  expect(await w.suggestions()).toEqual([]);
  expect(JSON.stringify(await w.knownVoices.get(USER))).not.toMatch(/Ana|ge2e/);
  await w.save('Ana');
  await deleteKnownVoices(w, USER);
  expect(await w.knownVoices.get(USER)).toBeUndefined();
  expect(await w.suggestions()).toEqual([]);
});
