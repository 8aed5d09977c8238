/** The other pages, as people use them: reading, searching and editing, files, words, the operator's dashboard. */
import { readFileSync } from 'node:fs';
import type { BrowserContext, Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { poll } from '../../host/poll.ts';
import { recordingClient } from '../../host/recording-client.ts';
import { bytes, host, sampleChunks } from '../host/support.ts';
import { overflows, shifts, violations } from './accessible.ts';
import { loudFile } from './loud-file.ts';
import { admin, browser, person, provoked, readText, whole } from './support.ts';

/** What counts as good. @see https://web.dev/articles/cls */
const MOST_SHIFT = 0.1;
const PHONE = { width: 360, height: 740 };
let context: BrowserContext;
let page: Page;
let client: ReturnType<typeof recordingClient>;

beforeAll(async () => {
  context = await (await browser()).newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
  const someone = await person(context);
  page = someone.page;
  client = recordingClient(host.apiUrl, someone.token);
});

const open = async (path: string): Promise<void> => {
  await page.goto(`${host.pagesUrl}/#/${path}`);
};

/** A recording of which chunk 1 is no audio, and chunk 3 never comes. */
async function troubledSession(): Promise<string> {
  const { id } = await client.createSession({ title: 'With gaps' });
  const [, second, , fourth] = sampleChunks();
  if (second === undefined || fourth === undefined) throw new Error('the sample is too short');
  await client.upload(id, 1, bytes('no audio at all'));
  await client.upload(id, 2, second);
  await client.upload(id, 4, fourth);
  await client.complete(id, 4);
  await client.awaitTranscript(id, 90);
  return id;
}

test('a transcript with gaps: they are shown in their place, and what failed can be tried again', async () => {
  const id = await troubledSession();
  await open(`sessions/${id}`);
  await page.getByText('with gaps', { exact: true }).waitFor();
  const gaps = page.locator('.gap');
  await expect.poll(() => gaps.count()).toBe(2);
  expect(await gaps.allTextContents()).toMatchObject([
    expect.stringContaining('0:00 to 0:30: unsupported-media'),
    expect.stringMatching(/^(0:59|1:00) to (1:29|1:30): never uploaded/),
  ]);
  expect(await violations(page)).toEqual([]);
  await gaps.first().getByRole('button', { name: 'Try again' }).click();
  // Three new attempts come to the same end.
  await poll('the chunk to be given up again', 60, async () =>
    (await client.session(id)).chunks.some(({ chunkNumber, state }) => chunkNumber === 1 && state === 'dead'),
  );
});

test('words are searched, edited, copied and downloaded; an edit can be taken back; all of it by keyboard, too', async () => {
  const { id } = await client.createSession({ title: 'To be edited' });
  for (const [i, chunk] of sampleChunks().slice(0, 2).entries()) await client.upload(id, i + 1, chunk);
  await client.complete(id, 2);
  await open(`sessions/${id}`);
  await whole(page);

  await page.keyboard.press('/');
  await page.keyboard.type('hello everyone');
  await page.getByRole('status').getByText('1 / 1').waitFor();
  expect(await page.locator('.w.hit').allTextContents()).toEqual(['hello', 'everyone']);

  await page
    .locator('.w', { hasText: /^everyone$/ })
    .first()
    .dblclick();
  await page.getByLabel('Text; leave it empty').fill('Chunkscribe people');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('.w.edited', { hasText: /^people$/ }).waitFor();
  expect(await readText(page)).toContain('hello Chunkscribe people and welcome');
  expect((await client.transcript(id)).text).toContain('hello Chunkscribe people and welcome');

  await page.getByTestId('words').focus();
  const until = async (wanted: string): Promise<void> => {
    for (
      let steps = 0;
      steps < 60 &&
      (await page
        .locator('.w.cursor')
        .textContent()
        .catch(() => '')) !== wanted;
      steps += 1
    )
      await page.keyboard.press('ArrowRight');
  };
  await page.keyboard.press('ArrowRight');
  await until('people');
  await page.keyboard.press('e');
  expect(await page.getByLabel('Text; leave it empty').inputValue()).toBe('Chunkscribe people');
  expect(await violations(page)).toEqual([]);
  await page.getByRole('button', { name: 'As it was heard' }).click();
  await page.getByTestId('words').locator('.w.edited').first().waitFor({ state: 'detached' });
  await expect.poll(() => readText(page)).toContain('hello everyone and welcome');

  await page.getByRole('button', { name: 'Copy' }).click();
  await page.getByText('The text is in the clipboard.').waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('hello everyone and welcome');
  for (const [name, start] of [
    ['Text (.txt)', 'fifty juliet'],
    ['Subtitles (.srt)', '1\n00:00:0'],
    ['Subtitles (.vtt)', 'WEBVTT'],
    ['Everything (.json)', '{"'],
  ] as const) {
    await page.getByRole('button', { name: 'Download' }).click();
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name }).click()]);
    expect(readFileSync(await download.path(), 'utf8').startsWith(start), name).toBe(true);
    expect(download.suggestedFilename()).toMatch(/^To be edited\.(txt|srt|vtt|json)$/);
  }
  expect(await overflows(page)).toEqual([]);
});

test('corrections and target words: saved, applied to what is there, a pattern that is none is refused in words', async () => {
  await open('words');
  await page.getByRole('button', { name: 'Add a correction' }).click();
  await page.getByLabel('What is heard of rule 1').fill('juliet');
  await page.getByLabel('What is written of rule 1').fill('Juliette');
  await page.getByLabel('Words and phrases').fill('welcome');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved. What is transcribed already').waitFor();
  expect(await violations(page)).toEqual([]);
  await page.reload();
  await expect.poll(() => page.getByLabel('What is written of rule 1').inputValue()).toBe('Juliette');

  const { id } = await client.createSession({ title: 'Corrected' });
  const [chunk] = sampleChunks();
  if (chunk === undefined) throw new Error('the sample is too short');
  await client.upload(id, 1, chunk);
  await client.complete(id, 1);
  await open(`sessions/${id}`);
  await whole(page);
  expect(await readText(page)).toContain('fifty Juliette');
  await page.getByText('welcome: 1').waitFor();

  await open('words');
  await page.getByLabel('Kind of rule 1').selectOption('regex');
  await page.getByLabel('What is heard of rule 1').fill('(');
  provoked(/422.*api\/corrections/);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('alert').getByText('rule 1 cannot be used').waitFor();
  await page.getByRole('button', { name: 'Remove rule 1' }).click();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved. What is transcribed already').waitFor();
});

test('a file of 60 MB goes on after a reload in its middle: no part is sent twice, and its text is read and heard', async () => {
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
  page.on('response', (answer) => {
    if (answer.request().method() === 'PUT' && answer.ok())
      sent.push(Number(new URL(answer.url()).searchParams.get('partNumber')));
  });
  await slow(12_000_000);
  await page.getByLabel('Files to transcribe').setInputFiles(file);
  await poll('a part to be there', 60, async () => sent.length > 0);
  expect(sent.length).toBeLessThan(4);
  const before = [...sent];
  await page.reload();
  await slow(-1);
  const job = page.getByTestId('job').filter({ hasText: 'talk.wav' });
  await job.getByRole('progressbar').waitFor({ timeout: 60_000 });
  expect([...new Set(parts)].sort()).toEqual([1, 2, 3, 4]);
  for (const part of before)
    expect(
      parts.filter((each) => each === part),
      `part ${part}`,
    ).toHaveLength(1);
  expect(await violations(page)).toEqual([]);

  await job.getByText('complete', { exact: true }).waitFor({ timeout: 120_000 });
  await job.getByRole('link', { name: 'talk.wav' }).click();
  await page.getByTestId('words').getByText('welcome').first().waitFor();
  expect(await readText(page)).toContain('hello everyone and welcome');
  expect(await violations(page)).toEqual([]);
  await page
    .locator('.w', { hasText: /^everyone$/ })
    .first()
    .click();
  await page.getByRole('button', { name: 'Play' }).click();
  await page.locator('.w.now', { hasText: /^friday$/ }).waitFor({ timeout: 15_000 });
  await page.getByRole('button', { name: 'Pause' }).click();
});

test('a file that is no audio is refused before it is sent; one that only looks so fails in words and can be tried again', async () => {
  await open('files');
  await page
    .getByLabel('Files to transcribe')
    .setInputFiles({ name: 'notes.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF') });
  await page.getByRole('alert').getByText('notes.pdf is no audio or film').waitFor();
  await page
    .getByLabel('Files to transcribe')
    .setInputFiles({ name: 'looks.mp3', mimeType: 'audio/mpeg', buffer: Buffer.from('not at all '.repeat(50)) });
  const job = page.getByTestId('job').filter({ hasText: 'looks.mp3' });
  await job.getByText('failed', { exact: true }).waitFor({ timeout: 60_000 });
  await job.getByText('unsupported-media').waitFor();
  await job.getByRole('button', { name: 'Try again' }).click();
  await job.getByText('failed', { exact: true }).waitFor({ timeout: 60_000 });
  await job.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await job.waitFor({ state: 'detached' });
});

test('an operator sees what waits, runs a batch by button and reads its report; retries what was given up; sees who records', async () => {
  const { id } = await client.createSession({ title: 'Stored', live: false });
  const [chunk] = sampleChunks();
  if (chunk === undefined) throw new Error('the sample is too short');
  await client.upload(id, 1, chunk);
  await client.complete(id, 1);
  const broken = await client.createSession({ title: 'Broken' });
  await client.upload(broken.id, 1, bytes('no audio here either'));
  await client.complete(broken.id, 1);
  await client.awaitChunks(broken.id, 120, ({ chunks }) => chunks[0]?.state === 'dead');

  const operator = await admin(await (await browser()).newContext({ viewport: { width: 1280, height: 900 } }));
  await operator.getByRole('link', { name: 'Dashboard' }).click();
  await operator.getByText(/^[1-9]\d* chunks? of \d+ recording/).waitFor({ timeout: 30_000 });
  await operator.getByRole('button', { name: 'Run now' }).click();
  const report = operator.getByTestId('report');
  await report.waitFor({ timeout: 120_000 });
  await expect.poll(() => report.innerText()).toMatch(/Transcribed\s+1 \(/);
  await operator.getByTestId('run').first().getByText('success').waitFor();
  expect((await client.transcript(id)).text).toContain('fifty juliet');
  expect(await violations(operator)).toEqual([]);

  const dead = operator.getByTestId('dead').filter({ hasText: 'unsupported-media' }).first();
  await dead.getByRole('button', { name: /^Try again/ }).click();
  await operator.getByText('It gets three new attempts.').waitFor();

  const recording = await client.createSession({});
  await client.call('POST', '/api/batch/lock', { sessionId: recording.id });
  await operator.getByTestId('lock').waitFor({ timeout: 30_000 });
  await operator.getByTestId('lock').getByRole('button', { name: 'Release' }).click();
  await operator.getByTestId('lock').waitFor({ state: 'detached' });
  await operator.getByRole('img', { name: /^Cost by day/ }).waitFor();
  expect(await operator.getByRole('link', { name: 'Dashboard' }).count()).toBe(1);
  expect(await page.getByRole('link', { name: 'Dashboard' }).count(), 'for people who are no admins').toBe(0);
});

test('every page fits a phone, keeps still while it loads, and has nothing that axe finds; the whole can be installed', async () => {
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
    expect(await shifts(phone), path).toBeLessThan(MOST_SHIFT);
    expect(await violations(phone), path).toEqual([]);
  }
  await phone.getByRole('button', { name: 'Sign out' }).click();
  await phone.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
  expect(await overflows(phone)).toEqual([]);
  expect(await violations(phone)).toEqual([]);
  await phone.reload();
  await phone.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
});

test('signing in: a wrong password is told; nothing readable of a token is kept; the recorder is small', async () => {
  const another = await (await browser()).newContext();
  const someone = await person(another);
  const kept = await someone.page.evaluate(async () => {
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
  expect(kept).toContain('extractable: false');
  expect(kept).not.toContain('eyJ'); // how every JWT begins
  expect(kept).not.toContain(someone.token.slice(-40));
  expect(kept).not.toContain(someone.email);

  const scripts = await someone.page.evaluate(() =>
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

  await someone.page.getByRole('button', { name: 'Sign out' }).click();
  await someone.page.getByLabel('Email').fill(someone.email);
  await someone.page.getByLabel('Password').fill('wrong');
  provoked(/400.*/); // Cognito's
  await someone.page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await someone.page.getByRole('alert').getByText('not right').waitFor();
});
