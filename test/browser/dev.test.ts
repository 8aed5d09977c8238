/** `npm run dev`: the pages from their sources in front of a running host, in real Chromium. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDevServer } from '../../host/dev-server.ts';
import { PROJECT } from '../../host/paths.ts';
import { recordingClient } from '../../host/recording-client.ts';
import { bytes, host } from '../host/support.ts';
import { findChromium } from './chromium.ts';

/** A copy of the sources beside the packages, so that a test can change a page. */
const copy = mkdtempSync(join(PROJECT, '.local', 'dev-test-'));
const SIGN_IN_PAGE = join(copy, 'web', 'src', 'auth', 'sign-in-page.tsx');
let dev: Awaited<ReturnType<typeof startDevServer>>;
beforeAll(async () => {
  for (const name of ['web', 'core', 'tsconfig.json']) cpSync(join(PROJECT, name), join(copy, name), { recursive: true });
  dev = await startDevServer({ note: { url: host.pagesUrl, endpoint: host.endpoint }, web: join(copy, 'web'), port: 5173 });
});
afterAll(async () => {
  await dev.server.close();
  rmSync(copy, { recursive: true });
});

test('a change of a page is shown at once, and what was typed stays; then a user signs in [start.dev]', async () => {
  const browser = await chromium.launch({ executablePath: findChromium(), args: ['--no-sandbox', '--disable-gpu'] });
  try {
    const page = await browser.newPage();
    await page.goto(dev.address);
    await page.getByLabel('Email').fill('admin@example.com');
    const source = readFileSync(SIGN_IN_PAGE, 'utf8');
    writeFileSync(SIGN_IN_PAGE, source.replace('<h1>Chunkscribe</h1>', '<h1>Changed</h1>'));
    await page.getByRole('heading', { name: 'Changed' }).waitFor();
    expect(await page.getByLabel('Email').inputValue()).toBe('admin@example.com');
    await page.getByLabel('Password').fill(host.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('button', { name: 'Record' }).first().waitFor();
  } finally {
    await browser.close();
  }
});

test('a presigned address leads through the server, and storage accepts it [start.dev]', async () => {
  const { id } = await recordingClient(dev.address, host.tokens.a).createSession();
  const client = recordingClient(dev.address, host.tokens.a);
  const { upload } = await client.presign(id, 1, bytes('no audio'));
  expect(upload.url).toContain(`${dev.address}/emulator/`);
  expect((await client.upload(id, 1, bytes('no audio'))).status).toBe(200);
});

test.each(['/', '/config.json', '/api/sessions', '/emulator/'])('a foreign page is refused at %s [start.dev]', async (path) => {
  const { status } = await fetch(`${dev.address}${path}`, { headers: { origin: 'http://foreign.example' } });
  expect(status).toBe(403);
});
