/** How long the first page takes until it can be used: a browser that has never seen it, and one that comes back. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { freePort } from '../host/emulator.ts';
import { startLocalHost } from '../host/local-host.ts';
import { servePages } from '../host/page-server.ts';
import { DEMO_MODEL, PROJECT } from '../host/paths.ts';
import { DEMO_USER, signIn } from '../host/users.ts';
import { findChromium } from '../test/browser/chromium.ts';

const VISITS = 9;
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface PageFigures {
  /** Milliseconds from the request to a button that can be pressed. */
  readonly firstMs: readonly number[];
  /** The same for somebody who is signed in, to the Record button. */
  readonly againMs: readonly number[];
}

async function visit(browser: Browser, url: string): Promise<{ firstMs: number; againMs: number }> {
  const context = await browser.newContext();
  const page = await context.newPage();
  const startedMs = performance.now();
  await page.goto(url);
  const enter = page.getByRole('button', { name: 'Go in as the demo user' });
  await enter.click({ trial: true });
  const firstMs = performance.now() - startedMs;
  await enter.click();
  const record = page.getByRole('button', { name: 'Record', exact: true });
  await record.waitFor();
  const reloadedMs = performance.now();
  await page.reload();
  await record.click({ trial: true });
  const againMs = performance.now() - reloadedMs;
  await context.close();
  return { firstMs, againMs };
}

export async function pageFigures(): Promise<PageFigures> {
  const root = mkdtempSync(join(PROJECT, '.local', 'bench-'));
  const host = await startLocalHost({ root, model: DEMO_MODEL, idleSeconds: 5, onStep: () => undefined, log: () => undefined });
  const port = await freePort(8090);
  const clientId = host.output('UserPoolClientId');
  await signIn({ endpoint: host.endpoint, userPoolId: host.output('UserPoolId'), clientId }, DEMO_USER);
  const pages = await servePages({ port, host, demo: DEMO_USER });
  const browser = await chromium.launch({ executablePath: findChromium(), args: ARGUMENTS });
  try {
    const visits: { firstMs: number; againMs: number }[] = [];
    for (let n = 0; n < VISITS; n += 1) visits.push(await visit(browser, `http://127.0.0.1:${port}/`));
    return { firstMs: visits.map((one) => one.firstMs), againMs: visits.map((one) => one.againMs) };
  } finally {
    await browser.close();
    await pages.stop();
    await host.stop();
    rmSync(root, { recursive: true, force: true });
  }
}
