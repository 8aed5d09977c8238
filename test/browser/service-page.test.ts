/** The service's own page in Chromium: choosing a file, progress, saving the text, accessibility and foreign pages. */
import { readFileSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { SAMPLE } from '../support/fixture-sample.ts';
import { overflows, violations } from './accessible.ts';
import { findChromium } from './chromium.ts';
import { foreignSite, readByFetch } from './foreign-site.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await chromium.launch({ executablePath: findChromium(), args: ['--no-sandbox'] });
});
afterAll(() => browser.close());

test('a file is chosen on a phone, its progress shown and its text saved; a file that is not audio shows an error [service.way]', async () => {
  const page = await browser.newPage({ viewport: { width: 360, height: 740 } });
  page.setDefaultTimeout(120_000);
  const errors: string[] = [];
  page.on('pageerror', ({ message }) => errors.push(message));
  await page.addInitScript(() =>
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
      console.error(`violates the page's own policy: ${violatedDirective} ${blockedURI}`),
    ),
  );
  page.on('console', (message) => message.text().startsWith('violates the page') && errors.push(message.text()));
  await page.goto(inject('service').url);
  await page.getByText('is loaded').waitFor();
  const choose = async (name: string, buffer: Buffer) => {
    const chosen = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: 'Choose a file' }).press('Enter');
    await (await chosen).setFiles({ name, mimeType: 'audio/webm', buffer });
  };
  await choose('By hand.webm', readFileSync(SAMPLE));
  const save = page.getByRole('button', { name: 'Save the text of By hand.webm' });
  await save.waitFor();
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
});

test('a foreign page, and a host name that an attacker points to this machine, get nothing from the service [service.refuses]', async () => {
  const { url } = inject('service');
  const site = await foreignSite();
  const page = await browser.newPage();
  await page.goto(site.url);
  const before = await (await fetch(`${url}/v1/models`)).text();
  const audio = readFileSync(SAMPLE).toString('base64');
  await page.evaluate(
    async ([service, base64]) => {
      const form = new FormData();
      form.append('job_id', 'foreign');
      form.append('file', await (await fetch(`data:audio/webm;base64,${base64}`)).blob(), 'foreign.webm');
      await fetch(`${service}/transcribe`, { method: 'POST', mode: 'no-cors', body: form });
    },
    [url, audio] as const,
  );
  expect((await fetch(`${url}/status/foreign`)).status).toBe(404);
  for (const path of ['/', '/health', '/v1/models', '/status/foreign'])
    expect(await page.evaluate(readByFetch, { url: url + path, method: 'GET', headers: {} })).toEqual(['', '', '']);
  const token = { authorization: 'Bearer x' };
  expect(await page.evaluate(readByFetch, { url: `${url}/v1/models`, method: 'GET', headers: token })).toEqual(['', '', '']);
  site.stop();

  const args = ['--no-sandbox', '--host-resolver-rules=MAP rebound.example 127.0.0.1'];
  const rebinding = await chromium.launch({ executablePath: findChromium(), args });
  const response = await (await rebinding.newPage()).goto(`${url.replace('127.0.0.1', 'rebound.example')}/v1/models`);
  expect(response?.status()).toBe(421);
  expect(await (await fetch(`${url}/v1/models`)).text()).toBe(before);
  await rebinding.close();
});
