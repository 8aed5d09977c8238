/** The transcript page with a long text: all of it is in the page, with few nodes. */
import type { Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { longTranscript } from '../../bench/long-transcript.ts';
import { recordingClient } from '../../host/recording-client.ts';
import { host, sampleChunks } from '../host/support.ts';
import { violations } from './accessible.ts';
import { awaitMark, browser, clickWord, newUser, readText, waitUntilComplete } from './support.ts';

const WORDS = 12_000;
let page: Page;
let address: string;
const transcript = longTranscript('session_long', WORDS);

beforeAll(async () => {
  const user = await newUser(await (await browser()).newContext());
  page = user.page;
  const client = recordingClient(host.apiUrl, user.token);
  const { id } = await client.createSession({ title: 'Long' });
  const [chunk] = sampleChunks();
  if (chunk === undefined) throw new Error('the sample is too short');
  await client.upload(id, 1, chunk);
  await client.complete(id, 1);
  await client.awaitTranscript(id, 120);
  await page.route(`**/api/sessions/${id}/transcript`, (route) => route.fulfill({ json: { ...transcript, sessionId: id } }));
  address = `${host.pagesUrl}/#/sessions/${id}`;
});

async function openWhole(): Promise<void> {
  await page.goto(address);
  await waitUntilComplete(page);
  await expect.poll(async () => (await readText(page)).endsWith('finale')).toBe(true);
}

test('a long text is complete in the page, with fewer nodes than words [pages.long]', async () => {
  await openWhole();
  expect(await readText(page)).toBe(transcript.text);
  const nodes = await page.evaluate(() => {
    const walker = document.createTreeWalker(document);
    let count = 0;
    while (walker.nextNode() !== null) count += 1;
    return count;
  });
  expect(nodes).toBeLessThan(WORDS / 2);
});

test('the browser finds, prints and reads aloud words that are far from the screen [pages.long]', async () => {
  await openWhole();
  expect(await page.evaluate('find("finale")')).toBe(true);
  const devtools = await page.context().newCDPSession(page);
  const { nodes } = await devtools.send('Accessibility.getFullAXTree');
  expect(nodes.some(({ name }) => String(name?.value).endsWith('finale'))).toBe(true);
  await page.emulateMedia({ media: 'print' });
  const states = await page
    .locator('.words .group')
    .evaluateAll((groups) => groups.map((group) => getComputedStyle(group).contentVisibility));
  expect(new Set(states)).toEqual(new Set(['visible']));
  await page.emulateMedia({ media: 'screen' });
  expect(await violations(page)).toEqual([]);
});

test('printing before the text is rendered prints all of it [pages.long]', async () => {
  const early = await page.context().newPage();
  await early.route('**/api/sessions/*/transcript', (route) => route.fulfill({ json: transcript }));
  await early.addInitScript(() => {
    const observer = new MutationObserver(() => {
      if (document.querySelector('.words .group') === null) return;
      observer.disconnect();
      const text = (): string => document.querySelector('.words')?.textContent ?? '';
      const before = text();
      dispatchEvent(new Event('beforeprint'));
      queueMicrotask(() => Object.assign(window, { printed: [before, text()] }));
    });
    observer.observe(document, { childList: true, subtree: true });
  });
  await early.goto(address);
  await early.waitForFunction(() => 'printed' in window);
  const [before, printed] = await early.evaluate(() => Reflect.get(window, 'printed') as [string, string]);
  expect(before.endsWith('finale')).toBe(false);
  expect(printed.endsWith('finale')).toBe(true);
  await early.close();
});

test('hits are counted in the whole text, and marked where they are shown; a word far down can be clicked [pages.long]', async () => {
  await openWhole();
  await page.keyboard.press('/');
  await page.keyboard.type('t');
  const hits = transcript.text.split(' ').filter((word) => word.startsWith('t')).length;
  await page.getByRole('status').getByText(`1 / ${hits}`).waitFor();
  await awaitMark(page, 'hit', /^t/);
  expect(await page.evaluate(() => CSS.highlights.get('hit')?.size)).toBeLessThan(hits / 2);
  await page.getByLabel('Search in the text').fill('finale');
  await page.getByRole('status').getByText('1 / 1').waitFor();
  await awaitMark(page, 'hit', /^finale$/);
  await page.route('**/api/sessions/*/audio*', (route) => route.fulfill({ json: { chunks: [], expiresInSeconds: 60 } }));
  await clickWord(page, 'finale');
  await awaitMark(page, 'now', /^finale$/);
  const start = transcript.segments.at(-1)?.words.at(-1)?.start ?? 0;
  expect(await page.getByRole('slider').getAttribute('aria-valuenow')).toBe(String(Math.round(start)));
});

test('the selected words are edited together, whichever way they were selected [pages.long]', async () => {
  await openWhole();
  // From the second letter of a word to the blank after another one.
  const words = transcript.text.split(' ').slice(0, 40);
  await page.evaluate(
    ([from, to]) => {
      const paragraph = document.querySelector('.words .text') ?? document.body;
      const letters = [...paragraph.childNodes].flatMap((child) => {
        const node = child.firstChild ?? child;
        return Array.from(node.nodeValue ?? '', (_, i) => [node, i] as const);
      });
      const [first, last] = [letters[from], letters[to]];
      if (first !== undefined && last !== undefined) getSelection()?.setBaseAndExtent(...last, ...first);
    },
    [words.slice(0, 10).join(' ').length + 2, words.slice(0, 30).join(' ').length + 1] as const,
  );
  await page.getByTestId('words').focus();
  await page.keyboard.press('e');
  expect(await page.getByLabel('Text (leave it empty').inputValue()).toBe(words.slice(10, 30).join(' '));
  await page.keyboard.press('Escape');
});
