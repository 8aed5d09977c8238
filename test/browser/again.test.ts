/** Language selection, and transcribing a recording and a file again, on the pages. */
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { recordingClient } from '../../host/recording-client.ts';
import { fileClient, sampleFile } from '../host/file-client.ts';
import { host, sampleChunks } from '../host/support.ts';
import { violations } from './accessible.ts';
import { browser, newUser, readText } from './support.ts';

let page: Page;
let client: ReturnType<typeof recordingClient>;

beforeAll(async () => {
  const user = await newUser(await (await browser()).newContext());
  page = user.page;
  client = recordingClient(host.apiUrl, user.token);
});

/** Selects a model that the stage offers and no machine can load. It is multilingual, so that the language can be selected. */
async function chooseUnknownModel(): Promise<void> {
  await page.getByRole('button', { name: 'Transcribe again' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('supports English only').waitFor();
  await dialog.getByLabel('Model').selectOption('no-such-model');
  await dialog.getByLabel('Language').selectOption({ label: 'German' });
  expect(await violations(page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Transcribe again' }).click();
  await dialog.waitFor({ state: 'hidden' });
}

test('the recorder and the file upload offer only English for an English-only model, with a note [language.doors]', async () => {
  for (const path of ['record', 'files']) {
    await page.goto(`${host.pagesUrl}/#/${path}`);
    const field = page.getByLabel('Language');
    await field.waitFor();
    expect(await field.locator('option').allTextContents()).toEqual(['English']);
    await page.getByText('supports English only').waitFor();
  }
});

test('a recording is transcribed again with another model and language; failed chunks keep their text, and the page reports it [retranscribe.sessions]', async () => {
  const [chunk] = sampleChunks(10);
  if (chunk === undefined) throw new Error('the sample is too short');
  const { id } = await client.createSession();
  await client.upload(id, 1, chunk);
  await client.complete(id, 1);
  await client.awaitTranscript(id, 120);
  await page.goto(`${host.pagesUrl}/#/sessions/${id}`);
  await page.getByTestId('words').waitFor();
  expect(await page.getByTestId('languages').textContent()).toBe('Language: English');
  const before = await readText(page);
  await chooseUnknownModel();
  await page.getByText('1 chunk could not be transcribed again and keeps its previous text.').waitFor();
  expect(await readText(page)).toBe(before);
});

test('a file is transcribed again while its text stays visible; the page shows why it failed [retranscribe.files]', async () => {
  const files = fileClient(client);
  const id = await files.send(readFileSync(sampleFile(20, 'mp3')));
  await files.follow(id, 120);
  await page.goto(`${host.pagesUrl}/#/files/${id}`);
  await page.getByTestId('words').waitFor();
  const before = await readText(page);
  await chooseUnknownModel();
  await page.getByText('The file is being transcribed again with no-such-model').waitFor();
  expect(await readText(page)).toBe(before);
  await page.getByText('The new transcription failed').waitFor();
  expect(await readText(page)).toBe(before);
});
