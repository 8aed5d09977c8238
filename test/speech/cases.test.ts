/**
 * Languages, repetition and silence through the API and the pages, with a published multilingual model.
 *
 * All recordings and files are sent before the first test, by two users and without a language, so that they share batches.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { JobList, SessionDetails, SessionList } from '../../core/contracts/answers.ts';
import { SpeakerSuggestions } from '../../core/contracts/known-voices.ts';
import { FileTranscript, type Transcript } from '../../core/contracts/transcript.ts';
import { PROJECT, WORKER_PYTHON } from '../../host/paths.ts';
import { poll } from '../../host/poll.ts';
import { type AudioChunk, type RecordingClient, uniqueCopy } from '../../host/recording-client.ts';
import { wordsOf } from '../../host/word-error-rate.ts';
import { overflows, violations } from '../browser/accessible.ts';
import { browser, enter, newPage, readText, waitUntilComplete } from '../browser/support.ts';
import { fileClient } from '../host/file-client.ts';
import { checkInvariants } from '../host/invariants.ts';
import { atRest, bytes, host, userA, userB } from '../host/support.ts';

const SPEECH = join(PROJECT, 'test', 'fixtures', 'speech');
const SILENCE_SECONDS = 30;
/** Enough for a small machine that runs other tests at the same time. */
const DEADLINE_SECONDS = 280;
const SPOKEN_NO = 12;
/** Share of words in their language in the bilingual recording. Its first German words can be in an English segment. */
const RIGHT_LANGUAGE_SHARE = 0.9;

const fixture = (name: string): Buffer => readFileSync(join(SPEECH, name));
const spoken = (name: string): AudioChunk => bytes(fixture(`${name}.opus`), 'audio/ogg');
/** Joins recordings of test/fixtures/speech (names) and silence (seconds) into one file. */
function joined(...parts: (string | number)[]): AudioChunk {
  const file = join(mkdtempSync(join(host.temporary, 'speech-')), 'joined.webm');
  const args = parts.map((part) => (typeof part === 'number' ? String(part) : join(SPEECH, `${part}.opus`)));
  execFileSync(WORKER_PYTHON, [join(import.meta.dirname, 'make_speech.py'), file, ...args]);
  return uniqueCopy(bytes(readFileSync(file)));
}

const record = (user: RecordingClient, ...chunks: AudioChunk[]): Promise<string> => recordWith({}, user, ...chunks);
async function recordWith(options: object, user: RecordingClient, ...chunks: AudioChunk[]): Promise<string> {
  const { id } = await user.createSession(options);
  for (const [i, chunk] of chunks.entries())
    if (!(await user.upload(id, i + 1, chunk)).ok) throw new Error(`chunk ${i + 1} was not uploaded`);
  await user.complete(id, chunks.length);
  return id;
}
const files = fileClient(userB);

async function sendAll() {
  const silence = joined(SILENCE_SECONDS);
  const lateGerman = joined(SILENCE_SECONDS, 'german');
  const bilingual = joined('english', 'german', 'german', 'german');
  const conversation = [joined('english', 'spanish', 'english'), joined('spanish', 'english')];
  const dialogue = joined('english', 'spanish', 'english');
  const asFile = { filename: 'dialogue.webm', contentType: 'audio/webm', diarize: true };
  const [german, french, spanish, english, silent, late, both, repeated, speakers, speakersLater, ...sentByB] = await Promise.all(
    [
      record(userA, spoken('german')),
      record(userB, spoken('french')),
      record(userA, spoken('spanish')), // as long as the French one: their windows are decoded together
      record(userA, spoken('english')),
      record(userA, silence),
      // After silence, the language of the synthetic voice is detected with confidence only in more than 10 s of speech.
      record(userA, joined(SILENCE_SECONDS), joined('german', 'german')),
      record(userA, bilingual),
      record(userB, bytes(fixture('repetition.flac'), 'audio/flac')),
      recordWith({ diarize: true }, userA, ...conversation),
      recordWith({ diarize: true }, userA, ...conversation.toReversed()),
      recordWith({ diarize: true }, userB, ...conversation),
      recordWith({ diarize: true, minSpeakers: 1, maxSpeakers: 1 }, userB, ...conversation),
      files.send(dialogue.bytes, asFile),
      files.send(dialogue.bytes, { ...asFile, minSpeakers: 3, maxSpeakers: 3 }),
      files.send(fixture('german.opus'), { filename: 'german.opus', contentType: 'audio/ogg' }),
      files.send(silence.bytes, { filename: 'silence.webm', contentType: 'audio/webm' }),
      files.send(lateGerman.bytes, { filename: 'late.webm', contentType: 'audio/webm' }),
    ],
  );
  const [speakersOfB, oneSpeaker, speakersFile, threeSpeakers, germanFile, silentFile, lateFile] = sentByB;
  const withSpeakers = { speakers, speakersLater, speakersOfB, oneSpeaker, speakersFile, threeSpeakers };
  return { german, french, spanish, english, silent, late, both, repeated, ...withSpeakers, germanFile, silentFile, lateFile };
}

let sent: Awaited<ReturnType<typeof sendAll>>;
beforeAll(async () => {
  sent = await sendAll();
});
afterAll(async () => {
  await atRest();
  await checkInvariants();
});

const languagesOf = ({ segments }: Pick<Transcript, 'segments'>): string[] => [
  ...new Set(segments.map(({ language = 'none' }) => language)),
];
const labelsOf = ({ segments }: Pick<Transcript, 'segments'>): (string | undefined)[] => [
  ...new Set(segments.map(({ speaker }) => speaker)),
];
const sessionOf = async (user: RecordingClient, id: string) =>
  SessionDetails.parse(await (await user.call('GET', `/api/sessions/${id}`)).json());

describe('recordings', () => {
  test.each([
    ['german', userA, 'de', ['guten', 'morgen', 'haus', 'garten']],
    ['french', userB, 'fr', ['dans', 'mode', 'tout', 'vous']],
    ['spanish', userA, 'es', ['este', 'modo', 'todo', 'repetido']],
    ['english', userA, 'en', ['first', 'part', 'recorded', 'morning']],
  ] as const)(
    'users who speak at the same time each get their own language: %s [speech.product]',
    async (name, user, language, words) => {
      const transcript = await user.awaitTranscript(sent[name], DEADLINE_SECONDS);
      expect(transcript).toMatchObject({ status: 'completed', language });
      expect(languagesOf(transcript)).toEqual([language]);
      expect(wordsOf(transcript.text)).toEqual(expect.arrayContaining([...words]));
      expect(await sessionOf(user, sent[name])).toMatchObject({ detectedLanguage: language });
    },
  );

  test('two people keep their numbers from chunk to chunk, and the names that they get [speakers, speakers.names]', async () => {
    const id = sent.speakers;
    const { segments, chunks } = await userA.awaitTranscript(id, DEADLINE_SECONDS);
    const [english, spanish] = [4.1, 7];
    const second = chunks[1]?.start ?? 0;
    /** Speakers of the words between two times; words at a change of people may belong to either. */
    const between = (start: number, end: number): (string | undefined)[] => [
      ...new Set(
        segments.flatMap(({ speaker, words }) =>
          words.flatMap((word) => (word.start > start + 0.3 && word.end < end - 0.3 ? [speaker] : [])),
        ),
      ),
    ];
    expect(between(0, english)).toEqual(['S1']);
    expect(between(english, english + spanish)).toEqual(['S2']);
    expect(between(english + spanish, second)).toEqual(['S1']);
    expect(between(second, second + spanish)).toEqual(['S2']);
    expect(between(second + spanish, second + spanish + english)).toEqual(['S1']);

    const names = { speaker: 'S2', name: 'Ana' };
    expect((await userA.call('PUT', `/api/sessions/${id}/speakers`, names)).status).toBe(200);
    await poll('the name in the text', 60, async () =>
      (await userA.transcript(id)).segments.every(({ speaker }) => ['S1', 'Ana'].includes(speaker ?? '')),
    );
  });

  test('the names stay with their user: another one has the same audio without them, and may not change them [security.tenants, speakers.names]', async () => {
    const { segments } = await userB.awaitTranscript(sent.speakersOfB, DEADLINE_SECONDS);
    expect(labelsOf({ segments })).toEqual(['S1', 'S2']);
    for (const [method, path, body] of [
      ['PUT', 'speakers', { speaker: 'Ana', name: 'Mallory' }],
      ['POST', 'speakers/assign', { start: 0, end: 9, speaker: 'Mallory' }],
    ] as const)
      await expect(userB.call(method, `/api/sessions/${sent.speakers}/${path}`, body)).rejects.toThrow('403');
    expect(labelsOf(await userA.transcript(sent.speakers))).toEqual(['S1', 'Ana']);
  });

  test("a known voice is suggested in a later recording of its user, not used, and not suggested in another user's [speakers.known]", async () => {
    const suggested = async (user: typeof userA, id: string) =>
      SpeakerSuggestions.parse(await (await user.call('GET', `/api/sessions/${id}/speaker-suggestions`)).json()).suggestions;
    await userA.awaitTranscript(sent.speakersLater, DEADLINE_SECONDS);
    expect(await suggested(userA, sent.speakersLater)).toEqual([]);
    await userA.call('POST', '/api/known-voices', { sessionId: sent.speakers, speaker: 'Ana' });
    expect(await suggested(userA, sent.speakersLater)).toMatchObject([{ speaker: 'S1', name: 'Ana' }]);
    expect(labelsOf(await userA.transcript(sent.speakersLater))).toEqual(['S1', 'S2']);
    expect(await suggested(userB, sent.speakersOfB)).toEqual([]);
  });

  test('a recording has as many speakers as its user says [speakers.number]', async () => {
    expect(labelsOf(await userB.awaitTranscript(sent.oneSpeaker, DEADLINE_SECONDS))).toEqual(['S1']);
  });

  test('silence has no language and no text [speech.product]', async () => {
    const transcript = await userA.awaitTranscript(sent.silent, DEADLINE_SECONDS);
    expect(transcript).toMatchObject({
      status: 'completed',
      language: 'und',
      text: '',
      segments: [],
      coverage: [{ start: 0, end: expect.closeTo(SILENCE_SECONDS, 0), kind: 'silence' }],
    });
    expect((await sessionOf(userA, sent.silent)).detectedLanguage).toBeUndefined();
  });

  test('a recording that begins with a silent chunk has the language of its speech [speech.product]', async () => {
    const transcript = await userA.awaitTranscript(sent.late, DEADLINE_SECONDS);
    expect(transcript).toMatchObject({ status: 'completed', language: 'de' });
    expect(languagesOf(transcript)).toEqual(['de']);
    expect(transcript.segments[0]?.start).toBeGreaterThanOrEqual(SILENCE_SECONDS - 1);
    expect(transcript.coverage[0]).toMatchObject({ start: 0, kind: 'silence' });
    expect(await sessionOf(userA, sent.late)).toMatchObject({ detectedLanguage: 'de' });
  });

  test('the segments of a bilingual recording have the language of their part [speech.product]', async () => {
    const transcript = await userA.awaitTranscript(sent.both, DEADLINE_SECONDS);
    expect(languagesOf(transcript)).toEqual(['en', 'de']);
    const englishSeconds = (await userA.awaitTranscript(sent.english, DEADLINE_SECONDS)).duration_seconds;
    const words = transcript.segments.flatMap(({ language, words: inside }) =>
      inside.map(({ start, end }) => ({ language, expected: (start + end) / 2 < englishSeconds ? 'en' : 'de' })),
    );
    expect(words.length).toBeGreaterThan(40);
    const right = words.filter(({ language, expected }) => language === expected);
    expect(right.length, transcript.text).toBeGreaterThanOrEqual(RIGHT_LANGUAGE_SHARE * words.length);
  });

  test('a spoken repetition is not cut as a loop [speech.product]', async () => {
    const transcript = await userB.awaitTranscript(sent.repeated, DEADLINE_SECONDS);
    const words = wordsOf(transcript.text);
    expect(words.slice(-3), transcript.text).toEqual(['that', 'is', 'wrong']);
    expect(new Set(words.slice(0, -3)), transcript.text).toEqual(new Set(['no']));
    expect(words.length - 3, transcript.text).toBe(SPOKEN_NO);
    expect(transcript.coverage).toMatchObject([{ kind: 'transcribed' }]);
  });
});

describe('files', () => {
  async function transcriptOf(id: string): Promise<FileTranscript> {
    expect((await files.follow(id, DEADLINE_SECONDS)).at(-1)).toMatchObject({ status: 'completed' });
    return FileTranscript.parse(JSON.parse(await files.text(id, 'json')));
  }

  test('a German file is German [speech.product]', async () => {
    const transcript = await transcriptOf(sent.germanFile);
    expect(transcript).toMatchObject({ status: 'completed', language: 'de' });
    expect(languagesOf(transcript)).toEqual(['de']);
    expect(wordsOf(transcript.text)).toEqual(expect.arrayContaining(['guten', 'morgen', 'haus', 'garten']));
  });

  test('a file has as many speakers as its user says, and the names that they get [speakers.number, speakers.names]', async () => {
    expect(labelsOf(await transcriptOf(sent.threeSpeakers))).toEqual(['S1', 'S2', 'S3']);
    const id = sent.speakersFile;
    expect(labelsOf(await transcriptOf(id))).toEqual(['S1', 'S2']);
    const name = (speaker: string, to: string) => userB.call('PUT', `/api/transcriptions/${id}/speakers`, { speaker, name: to });
    const answers = await Promise.all([name('S1', 'Ben'), name('S2', 'Ana')]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(labelsOf(await transcriptOf(id))).toEqual(['Ben', 'Ana']);
    expect(await files.text(id, 'srt')).toContain('Ana: ');
    const unnamed = { speaker: 'Ana', name: '' };
    await expect(userA.call('PUT', `/api/transcriptions/${id}/speakers`, unnamed)).rejects.toThrow('403');

    expect((await userB.call('POST', `/api/transcriptions/${id}/retranscribe`, { language: 'es' })).status).toBe(202);
    await files.follow(id, DEADLINE_SECONDS, ({ retranscribing }) => retranscribing !== true);
    expect(labelsOf(await transcriptOf(id))).toEqual(['Ben', 'Ana']);
    expect((await userB.call('DELETE', `/api/transcriptions/${id}`)).status).toBe(204); // checkInvariants: nothing stays
  });

  test('a silent file has no language and no text [speech.product]', async () => {
    expect(await transcriptOf(sent.silentFile)).toMatchObject({
      status: 'completed',
      language: 'und',
      text: '',
      segments: [],
      coverage: [{ kind: 'silence' }],
    });
  });

  test('a file that begins with silence has the language of its speech [speech.product]', async () => {
    const transcript = await transcriptOf(sent.lateFile);
    expect(transcript).toMatchObject({ status: 'completed', language: 'de' });
    expect(languagesOf(transcript)).toEqual(['de']);
    expect(transcript.segments[0]?.start).toBeGreaterThanOrEqual(SILENCE_SECONDS - 1);
  });
});

const Refusal = z.object({ code: z.string(), detail: z.string(), languages: z.record(z.string(), z.string()) });

describe('languages are checked before anything is queued', () => {
  const file = { filename: 'talk.mp3', contentType: 'audio/mpeg', sizeBytes: 1000 };
  const post = (path: string, body: object): Promise<Response> =>
    fetch(`${host.apiUrl}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${host.tokens.a}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const known = async (): Promise<string[]> => [
    ...SessionList.parse(await (await userA.call('GET', '/api/sessions')).json()).sessions.map(({ id }) => id),
    ...JobList.parse(await (await userA.call('GET', '/api/transcriptions')).json()).jobs.map(({ id }) => id),
  ];

  test.each([
    ['a session', '/api/sessions', {}],
    ['a file', '/api/transcriptions', file],
  ])('%s in an unknown language is refused with the list of languages [speech.product]', async (_what, path, body) => {
    const before = await known();
    for (const language of ['xx', 'yue']) {
      const refused = await post(path, { ...body, language });
      expect(refused.status, language).toBe(422);
      const { code, languages } = Refusal.parse(await refused.json());
      expect(code).toBe('invalid');
      expect(languages).toMatchObject({ de: 'German', he: 'Hebrew' });
    }
    expect(await known()).toEqual(before);
  });

  test.each([
    ['iw', 'he'],
    ['fil', 'tl'],
    ['in', 'id'],
    ['nb', 'no'],
    ['en-US', 'en'],
    ['english', 'en'],
    ['auto', undefined],
    ['', undefined],
  ])('%j is accepted for sessions and files [speech.product]', async (language, code) => {
    const { id } = await userA.createSession({ language });
    expect((await sessionOf(userA, id)).language).toBe(code);
    const job = await fileClient(userA).create({ ...file, language });
    expect((await fileClient(userA).status(job.id)).language).toBe(code);
  });
});

test('the pages show texts with their languages, silence as no speech, and names and numbers of speakers of a file [speech.product, speakers.names, speakers.number]', async () => {
  const chromium = await browser(false);
  const pageOf = async (email: string): Promise<Page> => {
    const page = await newPage(await chromium.newContext());
    await enter(page, email);
    return page;
  };
  const languages = (page: Page): Promise<string | null> => page.getByTestId('languages').textContent();
  const isGerman = expect.arrayContaining(['guten', 'morgen', 'haus', 'garten']);

  const a = await pageOf('a@example.com');
  await a.goto(`${host.pagesUrl}/#/sessions/${sent.german}`);
  await waitUntilComplete(a);
  expect(wordsOf(await readText(a))).toEqual(isGerman);
  expect(await languages(a)).toBe('Language: German');

  await a.goto(`${host.pagesUrl}/#/sessions/${sent.both}`);
  await a.getByText('Languages: English, German').waitFor();

  await a.goto(`${host.pagesUrl}/#/sessions/${sent.silent}`);
  await a.getByText('No words were spoken in this recording.').waitFor();
  expect(await languages(a)).toBe('Language: no speech');

  const b = await pageOf('b@example.com');
  await b.goto(`${host.pagesUrl}/#/files/${sent.threeSpeakers}`);
  await b.getByRole('button', { name: 'S2', exact: true }).first().click();
  await b.getByLabel('Name (that of another speaker merges the two)').fill('Eva');
  await b.getByRole('button', { name: 'Save' }).click();
  await b.getByRole('button', { name: 'Eva', exact: true }).first().waitFor();
  expect(labelsOf(FileTranscript.parse(JSON.parse(await files.text(sent.threeSpeakers, 'json'))))).toEqual(['S1', 'Eva', 'S3']);

  await b.setViewportSize({ width: 360, height: 740 });
  await b.goto(`${host.pagesUrl}/#/files`);
  await b.getByLabel('Identify speakers').check();
  await b.getByLabel('Minimum number of speakers').selectOption('3');
  await b.getByLabel('Maximum number of speakers').focus();
  await b.keyboard.type('2');
  expect(await b.getByLabel('Minimum number of speakers').inputValue()).toBe('2');
  expect([await violations(b), await overflows(b)]).toEqual([[], []]);
  const created = b.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith('/api/transcriptions'));
  await b.getByLabel('Files to transcribe').setInputFiles(join(SPEECH, 'russian.opus'));
  const request = await created;
  expect(request.postDataJSON()).toMatchObject({ diarize: true, minSpeakers: 2, maxSpeakers: 2 });
  const { id } = z.object({ id: z.string() }).parse(await (await request.response())?.json());
  await files.follow(id, DEADLINE_SECONDS);

  await b.goto(`${host.pagesUrl}/#/files/${sent.germanFile}`);
  await b.getByText('Language: German').waitFor();
  expect(wordsOf(await readText(b))).toEqual(isGerman);

  await b.goto(`${host.pagesUrl}/#/files/${sent.silentFile}`);
  await b.getByText('No words were spoken in this recording.').waitFor();
  expect(await languages(b)).toBe('Language: no speech');
});
