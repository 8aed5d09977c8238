/**
 * Recordings as phones, meeting tools, cameras and call recorders make them, through the chunk API, the files API and the Files page.
 * bench/media_cases.py makes them. `npm test` sends a sample of them, `npm run proof -- media-doors` all.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as z from 'zod';
import { JobList } from '../../core/contracts/answers.ts';
import { FileTranscript, type Transcript } from '../../core/contracts/transcript.ts';
import { PROJECT, WORKER_PYTHON } from '../../host/paths.ts';
import { wordErrorRate, wordsOf } from '../../host/word-error-rate.ts';
import { browser, enter, newPage } from '../browser/support.ts';
import { fileClient } from '../host/file-client.ts';
import { checkInvariants } from '../host/invariants.ts';
import { atRest, bytes, host, userA, userB } from '../host/support.ts';

const DEADLINE_SECONDS = 280;
/** Telephone codecs cost `base` one word of 32. */
const MAX_WORD_ERROR_RATE = 1 / 30;
/** By which a word or the end may be earlier or later. */
const NEAR_SECONDS = 0.15;

const Case = z.object({
  name: z.string(),
  content_type: z.string(),
  text: z.string(),
  begins_s: z.number(),
  seconds: z.number(),
  is_chosen: z.boolean(),
});
type Case = z.infer<typeof Case>;
const folder = mkdtempSync(join(host.temporary, 'media-'));
const python = (...args: string[]): string =>
  execFileSync(WORKER_PYTHON, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PYTHONPATH: [join(PROJECT, 'gpu-worker', 'src'), join(PROJECT, 'bench')].join(':') },
  });
const CASES = z.array(Case).parse(JSON.parse(python('-m', 'media_cases', folder)));
const chosen = CASES.filter(({ is_chosen }) => is_chosen);
const contentOf = ({ name }: Case): Buffer => readFileSync(join(folder, name));
const named = (name: string): Case => {
  const found = CASES.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no case ${name}`);
  return found;
};

async function record(one: Case, options: object = {}): Promise<string> {
  const { id } = await userA.createSession(options);
  if (!(await userA.upload(id, 1, bytes(contentOf(one), one.content_type))).ok) throw new Error(`${one.name} was not uploaded`);
  await userA.complete(id, 1);
  return id;
}
const files = fileClient(userA);
const send = (one: Case, more: object = {}): Promise<string> =>
  files.send(contentOf(one), { filename: one.name, contentType: one.content_type, ...more });

function expectText({ text, begins_s, seconds }: Case, transcript: Pick<Transcript, 'text' | 'segments' | 'duration_seconds'>) {
  expect(wordErrorRate(wordsOf(text), wordsOf(transcript.text)), transcript.text).toBeLessThan(MAX_WORD_ERROR_RATE);
  expect(Math.abs((transcript.segments[0]?.start ?? -1) - begins_s)).toBeLessThan(NEAR_SECONDS);
  expect(Math.abs(transcript.duration_seconds - seconds)).toBeLessThan(NEAR_SECONDS);
}
const fileText = async (client: typeof files, id: string): Promise<FileTranscript> => {
  expect((await client.follow(id, DEADLINE_SECONDS)).at(-1)).toMatchObject({ status: 'completed' });
  return FileTranscript.parse(JSON.parse(await client.text(id, 'json')));
};

let sent: { readonly chunks: readonly string[]; readonly jobs: readonly string[]; readonly page: Promise<unknown> };
const PAGE = ['adts.aac', 'x.caf', 'zeros-first.mp3', 'late-audio.mp4'];

/** Chooses files on the Files page. */
async function sendOnPage(): Promise<void> {
  const page = await newPage(await (await browser(false)).newContext());
  await enter(page, 'b@example.com');
  await page.goto(`${host.pagesUrl}/#/files`);
  await page.getByLabel('Files to transcribe').setInputFiles(PAGE.map((name) => join(folder, name)));
  for (const name of PAGE) await page.getByTestId('job').filter({ hasText: name }).waitFor({ timeout: 60_000 });
}

beforeAll(async () => {
  const chunks = await Promise.all(chosen.map((one) => record(one)));
  const jobs = await Promise.all(chosen.map((one) => send(one)));
  sent = { chunks, jobs, page: sendOnPage() };
  await sent.page;
});
afterAll(async () => {
  await atRest();
  await checkInvariants();
});

test.each(chosen.map((one, i) => [one.name, one, i] as const))(
  '%s as a chunk and as a file [media.formats]',
  async (_name, one, i) => {
    expectText(one, await userA.awaitTranscript(sent.chunks[i] ?? '', DEADLINE_SECONDS));
    expectText(one, await fileText(files, sent.jobs[i] ?? ''));
  },
);

test('files of these kinds can be chosen on the Files page [media.formats]', async () => {
  const client = fileClient(userB);
  const { jobs } = JobList.parse(await (await userB.call('GET', '/api/transcriptions')).json());
  const onPage = jobs.filter(({ filename }) => PAGE.includes(filename));
  expect(onPage).toHaveLength(PAGE.length);
  for (const { id, filename } of onPage) expectText(named(filename), await fileText(client, id));
});

test('separate channels or tracks are speakers, in a recording and in a file [media.channels]', async () => {
  const one = named('left-right.wav');
  const [session, job] = await Promise.all([record(one, { channels: 'separate' }), send(one, { channels: 'separate' })]);
  const speakers = ({ segments }: Pick<Transcript, 'segments'>) => [...new Set(segments.map(({ speaker }) => speaker))];
  const wordsBy = ({ segments }: Pick<Transcript, 'segments'>, who: string) =>
    wordsOf(
      segments
        .filter(({ speaker }) => speaker === who)
        .map(({ text }) => text)
        .join(' '),
    );
  for (const transcript of [await userA.awaitTranscript(session, DEADLINE_SECONDS), await fileText(files, job)]) {
    expectText(one, transcript);
    expect(speakers(transcript)).toEqual(['S1', 'S2']);
    expect(wordsBy(transcript, 'S1').slice(0, 4)).toEqual(['i', 'can', 'do', 'that']);
    expect(wordsBy(transcript, 'S2').slice(0, 4)).toEqual(['when', 'do', 'you', 'want']);
  }
});

test('an empty or unreadable chunk is named with its number, and the others are transcribed [media.damage]', async () => {
  const { id } = await userA.createSession();
  const good = bytes(contentOf(named('x.mka')), '');
  expect((await userA.upload(id, 1, good)).ok).toBe(true);
  expect((await userA.upload(id, 2, bytes('no audio at all', 'audio/mp4'))).ok).toBe(true);
  const empty = { chunkNumber: 3, contentType: 'audio/mp4', sizeBytes: 0 };
  await expect(userA.call('POST', `/api/sessions/${id}/chunks`, empty)).rejects.toThrow(/422.*an empty chunk/);
  expect((await userA.upload(id, 4, bytes(good.bytes.subarray(0, 40_000), 'audio/webm'))).ok).toBe(true);
  await userA.complete(id, 4);
  const transcript = await userA.awaitTranscript(id, DEADLINE_SECONDS);
  expect(transcript.gaps.map(({ chunkNumber, reason }) => [chunkNumber, reason])).toEqual([
    [2, expect.stringContaining('unsupported-media')],
    [3, 'never uploaded'],
  ]);
  expect(transcript.status).toBe('partial');
  expect(wordsOf(transcript.text).length).toBeGreaterThan(wordsOf(named('x.mka').text).length);
});
