/** The other pages: reading, searching and editing transcripts, files, words, the admin's dashboard and sign-in. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { BrowserContext, Download, Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { WORKER_PYTHON } from '../../host/paths.ts';
import { poll } from '../../host/poll.ts';
import { recordingClient } from '../../host/recording-client.ts';
import { bytes, host, sampleChunks } from '../host/support.ts';
import { wav } from '../host/wav.ts';
import { overflows, shifts, violations } from './accessible.ts';
import { loudFile } from './loud-file.ts';
import {
  admin,
  awaitMark,
  awaitPlayed,
  browser,
  clickWord,
  expectError,
  newUser,
  readText,
  waitUntilComplete,
} from './support.ts';

/** Upper limit of a good cumulative layout shift. @see https://web.dev/articles/cls */
const MAX_SHIFT = 0.1;
const PHONE = { width: 360, height: 740 };
let context: BrowserContext;
let page: Page;
let client: ReturnType<typeof recordingClient>;

beforeAll(async () => {
  context = await (await browser()).newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
  const user = await newUser(context);
  page = user.page;
  client = recordingClient(host.apiUrl, user.token);
});

const open = async (path: string): Promise<void> => {
  await page.goto(`${host.pagesUrl}/#/${path}`);
};

/** Downloads the text of the transcript that is open. @param name of the format in the menu */
async function downloadAs(name: string): Promise<Download> {
  await page.getByRole('button', { name: 'Download' }).click();
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name }).click()]);
  return download;
}

/** The XML of the text of a Word document. */
function documentIn(file: string): string {
  const script = 'import sys, zipfile; print(zipfile.ZipFile(sys.argv[1]).read("word/document.xml").decode())';
  return execFileSync(WORKER_PYTHON, ['-c', script, file], { encoding: 'utf8' });
}

/** A recording in which chunk 1 is not audio, 3 and 5 are never uploaded, and the microphone delivers no sound in 4. */
async function sessionWithGaps(): Promise<string> {
  const { id } = await client.createSession({ title: 'With gaps' });
  const [, second] = sampleChunks();
  if (second === undefined) throw new Error('the sample is too short');
  await client.upload(id, 1, bytes('no audio at all'));
  await client.upload(id, 2, second);
  await client.upload(
    id,
    4,
    bytes(
      wav(() => 0, 30),
      'audio/wav',
    ),
  );
  await client.complete(id, 5);
  await client.awaitTranscript(id, 90);
  return id;
}

test('a transcript shows in order of time what is missing and where there is no signal; a failed chunk can be retried [pages.transcript, transcript.no-signal, transcript.marks]', async () => {
  const id = await sessionWithGaps();
  await open(`sessions/${id}`);
  await page.getByText('with gaps', { exact: true }).waitFor();
  const gaps = page.locator('.gap');
  await expect.poll(() => gaps.count()).toBe(4);
  expect(await gaps.allTextContents()).toMatchObject([
    expect.stringContaining('0:00 to 0:30: unsupported-media'),
    expect.stringMatching(/^(0:59|1:00) to (1:29|1:30): never uploaded$/),
    expect.stringMatching(/^No signal from (1:29|1:30) to (1:59|2:00): the microphone delivered no sound$/),
    expect.stringMatching(/^(1:59|2:00) to (2:29|2:30): never uploaded$/),
  ]);
  await page.getByText('More than half of this recording is missing: 1:30 of 2:30.').waitFor();
  expect(await violations(page)).toEqual([]);
  await gaps.first().getByRole('button', { name: 'Try again' }).click();
  // The three new attempts fail as well.
  await poll('the chunk to fail permanently again', 60, async () =>
    (await client.session(id)).chunks.some(({ chunkNumber, state }) => chunkNumber === 1 && state === 'dead'),
  );
});

test('of five chunks, the third was never sent: the page and every download say so [pages.transcript, transcript.marks]', async () => {
  const { id } = await client.createSession({ title: 'Chunk 3 is missing' });
  const chunks = sampleChunks();
  expect(chunks).toHaveLength(5);
  for (const [i, chunk] of chunks.entries()) if (i !== 2) await client.upload(id, i + 1, chunk);
  await client.complete(id, 5);
  await client.awaitTranscript(id, 90);
  await open(`sessions/${id}`);
  const gaps = page.locator('.gap');
  await gaps.getByText(/^(0:59|1:00) to (1:29|1:30): never uploaded$/).waitFor();
  expect(await gaps.count()).toBe(1);
  for (const [name, mark] of [
    ['Text (.txt)', /\n\n\[missing (0:59|1:00)-(1:29|1:30)\]\n\n/],
    ['Word (.docx)', />\[missing (0:59|1:00)-(1:29|1:30)\]</],
    ['Markdown (.md)', /\n\n\*\[missing (0:59|1:00)-(1:29|1:30)\]\*\n\n/],
    ['Subtitles (.srt)', /\n\d+\n00:0(0:59|1:00),\d+ --> 00:01:(29|30),\d+\n\[missing (0:59|1:00)-(1:29|1:30)\]\n\n/],
    ['Subtitles (.vtt)', /\n00:0(0:59|1:00)[.]\d+ --> 00:01:(29|30)[.]\d+\n\[missing (0:59|1:00)-(1:29|1:30)\]\n\n/],
    ['Everything (.json)', /"gaps":\[\{"chunkNumber":3,[^}]*"reason":"never uploaded"\}\]/],
  ] as const) {
    const file = await (await downloadAs(name)).path();
    expect(name.startsWith('Word') ? documentIn(file) : readFileSync(file, 'utf8'), name).toMatch(mark);
  }
});

test('words are searched, edited, copied and downloaded; an edit can be removed; the keyboard works, too [pages.transcript]', async () => {
  const { id } = await client.createSession({ title: 'To be edited' });
  for (const [i, chunk] of sampleChunks().slice(0, 2).entries()) await client.upload(id, i + 1, chunk);
  await client.complete(id, 2);
  await open(`sessions/${id}`);
  await waitUntilComplete(page);

  await page.keyboard.press('/');
  await page.keyboard.type('hello everyone');
  await page.getByRole('status').getByText('1 / 1').waitFor();
  await awaitMark(page, 'hit', /^hello everyone$/);

  await clickWord(page, 'everyone', 2);
  await page.getByLabel('Text (leave it empty').fill('Chunkscribe people');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('.w.edited', { hasText: /^Chunkscribe people$/ }).waitFor();
  expect(await readText(page)).toContain('hello Chunkscribe people and welcome');
  expect((await client.transcript(id)).text).toContain('hello Chunkscribe people and welcome');

  await page.getByTestId('words').focus();
  const announced = page.locator('main [aria-live=polite]');
  const until = async (wanted: string): Promise<void> => {
    for (let steps = 0; steps < 60 && !(await announced.textContent())?.startsWith(`${wanted},`); steps += 1)
      await page.keyboard.press('ArrowRight');
  };
  await page.keyboard.press('ArrowRight');
  await until('people');
  await awaitMark(page, 'cursor', /^people$/);
  await page.keyboard.press('e');
  expect(await page.getByLabel('Text (leave it empty').inputValue()).toBe('Chunkscribe people');
  expect(await violations(page)).toEqual([]);
  await page.getByRole('button', { name: 'Restore the original' }).click();
  await page.getByTestId('words').locator('.w.edited').first().waitFor({ state: 'detached' });
  await expect.poll(() => readText(page)).toContain('hello everyone and welcome');

  await page.getByRole('button', { name: 'Copy' }).click();
  await page.getByText('Text copied.').waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('hello everyone and welcome');
  for (const [name, start] of [
    ['Text (.txt)', 'fifty juliet'],
    ['Word (.docx)', 'PK'],
    ['Markdown (.md)', '# To be edited'],
    ['Subtitles (.srt)', '1\n00:00:0'],
    ['Subtitles (.vtt)', 'WEBVTT'],
    ['Everything (.json)', '{"'],
  ] as const) {
    const download = await downloadAs(name);
    expect(readFileSync(await download.path(), 'utf8').startsWith(start), name).toBe(true);
    expect(download.suggestedFilename()).toMatch(/^To be edited\.(txt|docx|md|srt|vtt|json)$/);
  }
  expect(await overflows(page)).toEqual([]);
});

test('corrections and target words are saved and applied to existing text; an invalid pattern is rejected with a message [pages.transcript]', async () => {
  await open('words');
  await page.getByRole('button', { name: 'Add a correction' }).click();
  await page.getByLabel('Recognized text of rule 1').fill('juliet');
  await page.getByLabel('Replacement of rule 1').fill('Juliette');
  await page.getByLabel('Words and phrases').fill('welcome');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved. Existing transcripts').waitFor();
  expect(await violations(page)).toEqual([]);
  await page.reload();
  await expect.poll(() => page.getByLabel('Replacement of rule 1').inputValue()).toBe('Juliette');

  const { id } = await client.createSession({ title: 'Corrected' });
  const [chunk] = sampleChunks();
  if (chunk === undefined) throw new Error('the sample is too short');
  await client.upload(id, 1, chunk);
  await client.complete(id, 1);
  await open(`sessions/${id}`);
  await waitUntilComplete(page);
  expect(await readText(page)).toContain('fifty Juliette');
  await page.getByText('welcome: 1').waitFor();

  await open('words');
  await page.getByLabel('Kind of rule 1').selectOption('regex');
  await page.getByLabel('Recognized text of rule 1').fill('(');
  expectError(/422.*api\/corrections/);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('alert').getByText('rule 1 is not a valid RE2 expression').waitFor();
  await page.getByRole('button', { name: 'Remove rule 1' }).click();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved. Existing transcripts').waitFor();
});

test('an upload of 60 MB resumes after a reload, uploads no part twice, and its text can be read and played [pages.files]', async () => {
  const file = loudFile();
  await open('files');
  const network = await context.newCDPSession(page);
  await network.send('Network.enable');
  const slow = (bytesPerSecond: number) =>
    network.send('Network.emulateNetworkConditions', {
      offline: false,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput: bytesPerSecond,
    });
  const parts: number[] = [];
  const sent: number[] = [];
  page.on('request', (request) => {
    if (request.method() === 'PUT') parts.push(Number(new URL(request.url()).searchParams.get('partNumber')));
  });
  page.on('response', (response) => {
    if (response.request().method() === 'PUT' && response.ok())
      sent.push(Number(new URL(response.url()).searchParams.get('partNumber')));
  });
  await slow(12_000_000);
  await page.getByLabel('Files to transcribe').setInputFiles(file);
  await poll('the first uploaded part', 60, async () => sent.length > 0);
  expect(sent.length).toBeLessThan(4);
  const before = [...sent];
  await page.reload();
  await slow(-1);
  const job = page.getByTestId('job').filter({ hasText: 'talk.wav' });
  await job.getByRole('progressbar').waitFor();
  expect([...new Set(parts)].sort()).toEqual([1, 2, 3, 4]);
  for (const part of before)
    expect(
      parts.filter((each) => each === part),
      `part ${part}`,
    ).toHaveLength(1);
  expect(await violations(page)).toEqual([]);

  await job.getByText('complete', { exact: true }).waitFor();
  await job.getByRole('link', { name: 'talk.wav' }).click();
  await page.getByTestId('words').getByText('welcome').first().waitFor();
  expect(await readText(page)).toContain('hello everyone and welcome');
  expect(await violations(page)).toEqual([]);
  await clickWord(page, 'everyone');
  await page.getByRole('button', { name: 'Play' }).click();
  await awaitPlayed(page, 18);
  await page.getByRole('button', { name: 'Pause' }).click();
});

test('a file that is not audio is rejected before upload; one that only has the extension fails with a message and can be retried [pages.files]', async () => {
  await open('files');
  await page
    .getByLabel('Files to transcribe')
    .setInputFiles({ name: 'notes.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF') });
  await page.getByRole('alert').getByText('notes.pdf is not a supported audio').waitFor();
  await page
    .getByLabel('Files to transcribe')
    .setInputFiles({ name: 'looks.mp3', mimeType: 'audio/mpeg', buffer: Buffer.from('not at all '.repeat(50)) });
  const job = page.getByTestId('job').filter({ hasText: 'looks.mp3' });
  await job.getByText('failed', { exact: true }).waitFor();
  await job.getByText('unsupported-media').waitFor();
  const retried = page.waitForResponse(/\/retry$/);
  await job.getByRole('button', { name: 'Try again' }).click();
  await retried;
  await job.getByText('failed', { exact: true }).waitFor();
  await job.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await job.waitFor({ state: 'detached' });
});

test('an admin sees the queues, runs a batch and reads its report, retries a failed chunk and releases a lock [pages.operator]', async () => {
  const { id } = await client.createSession({ title: 'Stored', live: false });
  const [chunk] = sampleChunks();
  if (chunk === undefined) throw new Error('the sample is too short');
  await client.upload(id, 1, chunk);
  await client.complete(id, 1);
  const broken = await client.createSession({ title: 'Broken' });
  await client.upload(broken.id, 1, bytes('no audio here either'));
  await client.complete(broken.id, 1);
  await client.awaitChunks(broken.id, 120, ({ chunks }) => chunks[0]?.state === 'dead');

  const adminPage = await admin(await (await browser()).newContext({ viewport: { width: 1280, height: 900 } }));
  await adminPage.getByRole('link', { name: 'Dashboard' }).click();
  await adminPage.getByText(/^[1-9]\d* chunks? of \d+ recording/).waitFor();
  await adminPage.getByRole('button', { name: 'Run now' }).click();
  const report = adminPage.getByTestId('report');
  await report.waitFor();
  await expect.poll(() => report.innerText()).toMatch(/Transcribed\s+1 \(/);
  await adminPage.getByTestId('run').first().getByText('success').waitFor();
  expect((await client.transcript(id)).text).toContain('fifty juliet');
  expect(await violations(adminPage)).toEqual([]);

  const dead = adminPage.getByTestId('dead').filter({ hasText: 'unsupported-media' }).first();
  await dead.getByRole('button', { name: /^Try again/ }).click();
  await adminPage.getByText('The chunk gets three new attempts.').waitFor();

  const recording = await client.createSession({});
  await client.call('POST', '/api/batch/lock', { sessionId: recording.id });
  await adminPage.getByTestId('lock').waitFor();
  await adminPage.getByTestId('lock').getByRole('button', { name: 'Release' }).click();
  await adminPage.getByTestId('lock').waitFor({ state: 'detached' });
  await adminPage.getByRole('img', { name: /^Cost by day/ }).waitFor();
  expect(await adminPage.getByRole('link', { name: 'Dashboard' }).count()).toBe(1);
  expect(await page.getByRole('link', { name: 'Dashboard' }).count(), 'for users who are not admins').toBe(0);
});

test('every page fits a phone, does not shift while it loads, and passes axe; the app can be installed [pages.for-everybody]', async () => {
  const small = await (await browser()).newContext({ viewport: PHONE, isMobile: true, hasTouch: true });
  const phone = await admin(small);
  const { installabilityErrors } = await (await small.newCDPSession(phone)).send('Page.getInstallabilityErrors');
  expect(installabilityErrors.filter(({ errorId }) => errorId !== 'in-incognito')).toEqual([]);
  for (const path of ['record', 'sessions', 'files', 'words', 'dashboard', 'nowhere']) {
    await phone.goto(`${host.pagesUrl}/#/${path}`);
    await phone.reload();
    await phone.locator('main h1').waitFor();
    await phone.waitForFunction(() => document.querySelector('.skeleton') === null);
    expect(await overflows(phone), path).toEqual([]);
    expect(await shifts(phone), path).toBeLessThan(MAX_SHIFT);
    expect(await violations(phone), path).toEqual([]);
  }
  await phone.getByRole('button', { name: 'Sign out' }).click();
  await phone.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
  expect(await overflows(phone)).toEqual([]);
  expect(await violations(phone)).toEqual([]);
  await phone.reload();
  await phone.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
});

test('sign-in: a wrong password shows an error; no readable token is stored; the recorder is small [pages.safe]', async () => {
  const another = await (await browser()).newContext();
  const user = await newUser(another);
  const stored = await user.page.evaluate(async () => {
    const readable = [JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage }), document.cookie];
    for (const { name = '' } of await indexedDB.databases()) {
      const db = await new Promise<IDBDatabase>((resolve) => {
        const opening = indexedDB.open(name);
        opening.onsuccess = () => resolve(opening.result);
      });
      for (const store of db.objectStoreNames) {
        const values = await new Promise<unknown[]>((resolve) => {
          const reading = db.transaction(store).objectStore(store).getAll();
          reading.onsuccess = () => resolve(reading.result);
        });
        const text = values.map((value) =>
          value instanceof CryptoKey
            ? `extractable: ${value.extractable}`
            : JSON.stringify(value, (_, part) =>
                part instanceof ArrayBuffer || part instanceof Uint8Array ? new TextDecoder().decode(part) : part,
              ),
        );
        readable.push(...text);
      }
      db.close();
    }
    return readable.join('\n');
  });
  expect(stored).toContain('extractable: false');
  expect(stored).not.toContain('eyJ'); // every JWT starts with this
  expect(stored).not.toContain(user.token.slice(-40));
  expect(stored).not.toContain(user.email);

  const scripts = await user.page.evaluate(() =>
    performance
      .getEntriesByType('resource')
      .filter(({ name }) => name.endsWith('.js') && !name.endsWith('sw.js'))
      .map(({ name }) => name),
  );
  const { gzipSync } = await import('node:zlib');
  const sizes = await Promise.all(
    scripts.map(async (url) => gzipSync(Buffer.from(await (await fetch(url)).arrayBuffer())).length),
  );
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(150_000);

  await user.page.getByRole('button', { name: 'Sign out' }).click();
  await user.page.getByLabel('Email').fill(user.email);
  await user.page.getByLabel('Password').fill('wrong');
  expectError(/400.*/); // Cognito's response
  await user.page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await user.page.getByRole('alert').getByText('is wrong').waitFor();
});
