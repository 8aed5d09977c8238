/** Support for tests of the pages: Chromium with a fake microphone that plays the sample recording, and users who sign in. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, expect } from 'vitest';
import * as z from 'zod';
import { WORKER_PYTHON } from '../../host/paths.ts';
import { signIn } from '../../host/users.ts';
import { wordErrorRate, wordsOf } from '../../host/word-error-rate.ts';
import { host, output, SAMPLE } from '../host/support.ts';
import { findChromium } from './chromium.ts';

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
];
/** Console errors of a network that is cut, and of a chunk that is uploaded again because its response came too late; tests add others. */
const expected = [/ERR_INTERNET_DISCONNECTED|ERR_FAILED|ERR_NETWORK_CHANGED/, /status of 412 .*chunk-\d+/];
export const expectError = (pattern: RegExp): void => void expected.push(pattern);

/** Longest wait for something to appear on a page: enough for a slow machine that runs other tests at the same time. */
const PATIENCE_MS = 120_000;

const browsers: Browser[] = [];
const faults: string[] = [];
afterAll(async () => {
  await Promise.all(browsers.map((browser) => browser.close()));
  expect(faults, 'console errors and uncaught exceptions').toEqual([]);
});

/** The sample's speech as a WAV for a microphone. Each file differs, so that no cached result is used. */
export function speech(seconds = 125): string {
  const file = join(mkdtempSync(join(host.temporary, 'speech-')), 'speech.wav');
  const { status, stderr } = spawnSync(WORKER_PYTHON, [join('test', 'host', 'make_audio.py'), file, String(seconds)], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return file;
}

/** Arguments for two fake microphones. Each plays the sample from its beginning when it is opened. */
export const fakeMicrophones = (seconds?: number): readonly string[] => [
  '--use-fake-device-for-media-stream=device-count=2',
  `--use-file-for-fake-audio-capture=${speech(seconds)}%noloop`,
];

/** Starts a browser, with or without an allowed microphone. */
export const browser = (withMicrophone = true): Promise<Browser> =>
  launch(withMicrophone ? ['--use-fake-ui-for-media-stream', ...fakeMicrophones()] : []);

/** Starts a browser with further arguments, and variables of its environment. */
export async function launch(more: readonly string[], variables: Readonly<Record<string, string>> = {}): Promise<Browser> {
  const started = await chromium.launch({
    executablePath: findChromium(),
    args: [...ARGUMENTS, ...more],
    env: { ...process.env, ...variables },
  });
  browsers.push(started);
  return started;
}

/** Records console errors, exceptions and requests to other origins. Any of them fails the test file at its end. */
export function watched(page: Page): Page {
  page.setDefaultTimeout(PATIENCE_MS);
  page.on('console', (message) => {
    const error = `${message.text()} (${message.location().url})`;
    if (message.type() === 'error' && !expected.some((pattern) => pattern.test(error))) faults.push(error);
  });
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol.startsWith('http') && ![host.pagesUrl, host.endpoint].includes(origin)) faults.push(`a request to ${origin}`);
  });
  page.on('pageerror', (error) => faults.push(`${error.name}: ${error.message}`));
  page.on('dialog', (dialog) => void dialog.accept().catch(() => undefined));
  return page;
}

export const newPage = async (context: BrowserContext): Promise<Page> => {
  const page = watched(await context.newPage());
  await page.goto(host.pagesUrl);
  return page;
};

let users = 0;
/** Creates a user and signs in through the form. */
export async function newUser(context: BrowserContext): Promise<{ page: Page; email: string; token: string }> {
  const email = `person-${process.pid}-${++users}@example.com`;
  const pool = { endpoint: host.endpoint, userPoolId: output('UserPoolId'), clientId: output('UserPoolClientId') };
  const { access } = await signIn(pool, { email, password: host.password });
  const page = await newPage(context);
  await enter(page, email);
  return { page, email, token: access };
}

export async function enter(page: Page, email: string): Promise<void> {
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(host.password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('button', { name: 'Record', exact: true }).waitFor();
}

/** The admin, signed in through the form. */
export async function admin(context: BrowserContext): Promise<Page> {
  const page = await newPage(context);
  await enter(page, 'admin@example.com');
  return page;
}

export const record = (page: Page): Promise<void> => page.getByRole('button', { name: 'Record', exact: true }).click();
export const stop = (page: Page): Promise<void> => page.getByRole('button', { name: 'Stop', exact: true }).click();
/** Waits until the recorder's timer shows this many seconds. */
export async function recorded(page: Page, seconds: number): Promise<void> {
  await page.waitForFunction(
    (target) => {
      const [minutes = 0, rest = 0] = (document.querySelector('[role=timer]')?.textContent ?? '').split(':').map(Number);
      return 60 * minutes + rest >= target;
    },
    seconds,
    { timeout: 1000 * (seconds + 60), polling: 200 },
  );
}

/** The words on the transcript page. */
export async function readText(page: Page): Promise<string> {
  const paragraphs = await page.getByTestId('words').locator('.text').allTextContents();
  return paragraphs.join(' ');
}

/** Clicks the first occurrence of a word of the text, once or twice. Words have no elements of their own. */
export async function clickWord(page: Page, word: string, clickCount = 1): Promise<void> {
  await page.getByTestId('words').getByText(word).first().waitFor();
  const center = await page.evaluate((wanted) => {
    const walker = document.createTreeWalker(document.querySelector('[data-testid=words]') ?? document, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const at = node.nodeValue?.search(new RegExp(`\\b${wanted}\\b`)) ?? -1;
      if (at < 0) continue;
      const range = document.createRange();
      range.setStart(node, at);
      range.setEnd(node, at + wanted.length);
      scrollBy(0, range.getBoundingClientRect().top - 0.75 * innerHeight); // below the player
      const { left, right, top, bottom } = range.getBoundingClientRect();
      return { x: (left + right) / 2, y: (top + bottom) / 2 };
    }
    return undefined;
  }, word);
  if (center === undefined) throw new Error(`the text has no word "${word}"`);
  await page.mouse.click(center.x, center.y, { clickCount });
}

/** Waits until the marked words match; looks at each frame. Marks are `hit`, `now`, `cursor` and `hover`. */
export async function awaitMark(page: Page, name: string, words: RegExp): Promise<void> {
  await page.waitForFunction(
    ([mark, source]) => new RegExp(source).test([...(CSS.highlights.get(mark) ?? [])].map(String).join(' ')),
    [name, words.source] as const,
  );
}

/** Waits until the player has reached this second. Words are marked for moments only, which a busy machine may not draw. */
export async function awaitPlayed(page: Page, seconds: number): Promise<void> {
  await page.waitForFunction(
    (wanted) => Number(document.querySelector('[role=slider]')?.getAttribute('aria-valuenow')) >= wanted,
    seconds,
  );
}

/** Waits until the transcript page shows that the text is complete. */
export async function waitUntilComplete(page: Page): Promise<void> {
  try {
    await page.locator('.tag', { hasText: /^complete$/ }).waitFor();
  } catch (cause) {
    throw new Error(`the text is not complete; the page (${page.url()}) shows: ${await page.locator('body').innerText()}`, {
      cause,
    });
  }
}

const Words = z.object({ words: z.array(z.object({ word: z.string(), end: z.number() })) });
/** Word error rate against the sample's first seconds. The exact last word is unknown, so the best of seven ends counts. */
export function werOf(text: string, seconds: number): number {
  const { words } = Words.parse(JSON.parse(readFileSync(SAMPLE.replace('.webm', '.json'), 'utf8')));
  const transcribed = wordsOf(text);
  const spoken = words.map(({ word }) => word.toLowerCase());
  const about = words.filter(({ end }) => end <= seconds).length;
  const ends = [-3, -2, -1, 0, 1, 2, 3].map((more) => spoken.slice(0, about + more));
  return Math.min(...ends.map((part) => wordErrorRate(part, transcribed)));
}
