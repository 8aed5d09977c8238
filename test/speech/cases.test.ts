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
import { FileTranscript, type Transcript } from '../../core/contracts/transcript.ts';
import { PROJECT, WORKER_PYTHON } from '../../host/paths.ts';
import { poll } from '../../host/poll.ts';
import { type AudioChunk, type RecordingClient, uniqueCopy } from '../../host/recording-client.ts';
import { wordsOf } from '../../host/word-error-rate.ts';
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
  const [german, french, spanish, english, silent, late, both, repeated, speakers, germanFile, silentFile, lateFile] =
    await Promise.all([
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
      files.send(fixture('german.opus'), { filename: 'german.opus', contentType: 'audio/ogg' }),
      files.send(silence.bytes, { filename: 'silence.webm', contentType: 'audio/webm' }),
      files.send(lateGerman.bytes, { filename: 'late.webm', contentType: 'audio/webm' }),
    ]);
  return { german, french, spanish, english, silent, late, both, repeated, speakers, germanFile, silentFile, lateFile };
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

test('the pages show texts with their languages, and silence as no speech [speech.product]', async () => {
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
  await b.goto(`${host.pagesUrl}/#/files/${sent.germanFile}`);
  await b.getByText('Language: German').waitFor();
  expect(wordsOf(await readText(b))).toEqual(isGerman);

  await b.goto(`${host.pagesUrl}/#/files/${sent.silentFile}`);
  await b.getByText('No words were spoken in this recording.').waitFor();
  expect(await languages(b)).toBe('Language: no speech');
});
