/** The service's own page, in Chromium: a file is chosen, followed and saved; nothing is in anybody's way. */
import { readFileSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { SAMPLE } from '../../host/demo-run.ts';
import { overflows, violations } from './accessible.ts';
import { findChromium } from './chromium.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await chromium.launch({ executablePath: findChromium(), args: ['--no-sandbox'] });
});
afterAll(() => browser.close());

test('a file is chosen on a phone, followed, and its text is saved; what is no audio is told', async () => {
  const page = await browser.newPage({ viewport: { width: 360, height: 740 } });
  const errors: string[] = [];
  page.on('pageerror', ({ message }) => errors.push(message));
  await page.goto(inject('service').url);
  await page.getByText('is loaded').waitFor();
  const choose = async (name: string, buffer: Buffer) => {
    const chosen = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: 'Choose a file' }).press('Enter');
    await (await chosen).setFiles({ name, mimeType: 'audio/webm', buffer });
  };
  await choose('By hand.webm', readFileSync(SAMPLE));
  const save = page.getByRole('button', { name: 'Save the text of By hand.webm' });
  await save.waitFor({ timeout: 120_000 });
  const saved = page.waitForEvent('download');
  await save.click();
  const download = await saved;
  expect(download.suggestedFilename()).toBe('By hand.txt');
  expect(readFileSync(await download.path(), 'utf8')).toContain('hello everyone and welcome');

  await choose('notes.webm', Buffer.from('no audio at all'));
  await page.getByText(/notes\.webm: /).waitFor();
  expect(await violations(page)).toEqual([]);
  expect(await overflows(page)).toEqual([]);
  expect(errors).toEqual([]);
}, 180_000);
