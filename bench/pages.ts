/** Time until the first page is usable: on the first visit of a browser, and on a later visit. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import type { DemoUser } from '../host/home-keys.ts';
import { startLocalHost } from '../host/local-host.ts';
import { holdPort, servePages } from '../host/page-server.ts';
import { PROJECT } from '../host/paths.ts';
import { signIn } from '../host/users.ts';
import { findChromium } from '../test/browser/chromium.ts';
import { PROTOCOL_MODEL } from '../test/support/protocol-model.ts';

const VISITS = 9;
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface PageFigures {
  /** Milliseconds from the request until the Sign in button is clickable. */
  readonly firstMs: readonly number[];
  /** The same for a signed-in user, until the Record button is clickable. */
  readonly againMs: readonly number[];
}

async function visit(
  browser: Browser,
  url: string,
  { email, password }: DemoUser,
): Promise<{ firstMs: number; againMs: number }> {
  const context = await browser.newContext();
  const page = await context.newPage();
  const startedMs = performance.now();
  await page.goto(url);
  const enter = page.getByRole('button', { name: 'Sign in', exact: true });
  await enter.click({ trial: true });
  const firstMs = performance.now() - startedMs;
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(password);
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
  const held = await holdPort(8090);
  const host = await startLocalHost({
    root,
    pagesPort: held.port,
    model: PROTOCOL_MODEL,
    idleSeconds: 5,
    onStep: () => undefined,
    log: () => undefined,
  });
  const clientId = host.output('UserPoolClientId');
  await signIn({ endpoint: host.endpoint, userPoolId: host.output('UserPoolId'), clientId }, host.demo);
  const pages = await servePages({ held, host, demo: host.demo });
  const browser = await chromium.launch({ executablePath: findChromium(), args: ARGUMENTS });
  try {
    const visits: { firstMs: number; againMs: number }[] = [];
    for (let n = 0; n < VISITS; n += 1) visits.push(await visit(browser, `http://127.0.0.1:${held.port}/`, host.demo));
    return { firstMs: visits.map((one) => one.firstMs), againMs: visits.map((one) => one.againMs) };
  } finally {
    await browser.close();
    await pages.stop();
    await host.stop();
    rmSync(root, { recursive: true, force: true });
  }
}
