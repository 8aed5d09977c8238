/**
 * The transcript page with hours of text in Chromium: time until the first word, time per key of a search, long tasks while
 * scrolling. The pages are built and served with a fixed transcript; the server plays the API, so that nothing else runs.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import * as z from 'zod';
import { contentSecurityPolicy, PAGES_CONFIG } from '../core/contracts/pages.ts';
import { PROJECT } from '../host/paths.ts';
import { findChromium } from '../test/browser/chromium.ts';
import { longTranscript } from './long-transcript.ts';

/** Runs in the page. */
const PROBE = fileURLToPath(new URL('./long-page.probe.js', import.meta.url));
const SESSION = 'session_long';
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'];
const VIEWPORT = { width: 1280, height: 900 };
const PATIENCE_MS = 120_000;
const SEARCHED = 'the meeting';
const [SCROLL_STEPS, SCROLL_PX] = [60, 700];
/** Parts of the page to which the scroll bar is dragged. */
const JUMPS = [0.5, 1, 0.25, 0.75, 0];

export interface LongPageFigures {
  readonly words: number;
  /** Milliseconds from the navigation until the first word is painted, and until the whole text is in the page. */
  readonly firstWordMs: readonly number[];
  readonly wholeMs: readonly number[];
  /** Longest task from the navigation until the whole text is in the page, and of those after the first word. */
  readonly loadTaskMs: readonly number[];
  readonly sliceTaskMs: readonly number[];
  /** Nodes of the document. */
  readonly nodes: number;
  /** Milliseconds from each key of a search until its result is painted; then from each press of `Next hit`. */
  readonly keyMs: readonly number[];
  readonly nextMs: readonly number[];
  /** Longest task while scrolling by the wheel, and while the scroll bar is dragged. */
  readonly wheelTaskMs: readonly number[];
  readonly jumpTaskMs: readonly number[];
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webmanifest': 'application/manifest+json',
};
const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const token = `${encoded({})}.${encoded({ sub: 'u', email: 'reader@example.com', exp: 4_102_444_800 })}.signature`;

/** Responses of the API and of Cognito, by path. */
function responsesOf(words: number): ReadonlyMap<string, string> {
  const transcript = longTranscript(SESSION, words);
  const createdAt = '2026-01-01T00:00:00.000Z';
  const session = {
    ...{ id: SESSION, userId: 'u', title: 'Long', live: true, state: 'completed', createdAt, completedAt: createdAt, holes: [] },
    chunkCount: transcript.chunks.length,
    chunks: transcript.chunks.map(({ chunkNumber }) => ({ chunkNumber, state: 'done', sizeBytes: 1, attempts: 1 })),
    statistics: {
      ...{ known: transcript.chunks.length, cached: transcript.chunks.length, failed: 0, pending: 0, missing: 0 },
      secondsCovered: transcript.duration_seconds,
      targetWords: {},
    },
  };
  const peaks = {
    durationSeconds: transcript.duration_seconds,
    secondsPerPoint: 14,
    peaks: Array.from({ length: 2000 }, () => 99),
  };
  const tokens = { AccessToken: token, IdToken: token, RefreshToken: 'refresh' };
  const bodies: readonly (readonly [string, object])[] = [
    ['/sign-in', { access: token, id: token, refresh: 'refresh' }],
    ['/cognito', { AuthenticationResult: tokens }],
    [
      `/${PAGES_CONFIG}`,
      {
        stage: 'bench',
        apiUrl: '',
        cognitoUrl: '/cognito',
        clientId: 'c',
        liveDefault: true,
        usdPerRecordedHour: 0,
        canDiarize: true,
      },
    ],
    [`/api/sessions/${SESSION}`, session],
    [`/api/sessions/${SESSION}/transcript`, transcript],
    [`/api/sessions/${SESSION}/transcript/edits`, { version: 0, edits: [] }],
    [`/api/sessions/${SESSION}/peaks`, peaks],
  ];
  return new Map(bodies.map(([path, body]) => [path, JSON.stringify(body)]));
}

/** Serves the built pages in `folder`, and the responses. */
async function serve(folder: string, responses: ReadonlyMap<string, string>): Promise<Server> {
  const respond = (request: IncomingMessage, response: ServerResponse): void => {
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
    const json = responses.get(pathname);
    const file = join(folder, pathname === '/' ? 'index.html' : pathname);
    const policy = contentSecurityPolicy('blob:', 'blob:');
    if (json !== undefined) response.writeHead(200, { 'content-type': 'application/json', etag: '"fixed"' }).end(json);
    else if (existsSync(file))
      response
        .writeHead(200, { 'content-type': TYPES[extname(file)] ?? '', 'content-security-policy': policy })
        .end(readFileSync(file));
    else response.writeHead(404, { 'content-type': 'application/json' }).end('{}');
  };
  const server = createServer(respond);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

const Loaded = z.object({ firstWordMs: z.number(), wholeMs: z.number() });
const Tasks = z.object({ ms: z.number(), afterFirstWordMs: z.number() });
const Size = z.object({ nodes: z.number(), words: z.number() });

/** Calls a function of long-page.probe.js. */
const probe = (page: Page, call: string): Promise<unknown> => page.evaluate(`probe.${call}`);
const longestTask = async (page: Page): Promise<z.infer<typeof Tasks>> => Tasks.parse(await probe(page, 'longestTask()'));

/** Milliseconds from a key or a click until what it changes is painted. */
async function response(page: Page, type: 'keydown' | 'click', act: () => Promise<void>): Promise<number> {
  await probe(page, `listen('${type}')`);
  await act();
  return z.number().parse(await probe(page, 'response()'));
}

/** Longest tasks while scrolling by the wheel, and while the scroll bar is dragged. */
async function scrolling(page: Page): Promise<{ wheelTaskMs: number; jumpTaskMs: number }> {
  await page.mouse.move(VIEWPORT.width / 2, VIEWPORT.height - 200);
  for (let step = 0; step < SCROLL_STEPS; step += 1) {
    await page.mouse.wheel(0, SCROLL_PX);
    await probe(page, 'frame()');
  }
  const { ms: wheelTaskMs } = await longestTask(page);
  for (const part of JUMPS) await probe(page, `scrollTo(${part})`);
  const { ms: jumpTaskMs } = await longestTask(page);
  return { wheelTaskMs, jumpTaskMs };
}

async function visit(browser: Browser, url: string, words: number) {
  const context = await browser.newContext({ viewport: VIEWPORT, serviceWorkers: 'block' });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(`${url}/#code=once`);
  await page.getByRole('button', { name: 'Record', exact: true }).waitFor();
  await page.goto('about:blank');
  await page.addInitScript({ path: PROBE });
  await page.goto(`${url}/#/sessions/${SESSION}`);
  const { firstWordMs, wholeMs } = Loaded.parse(await probe(page, 'loaded()'));
  const { ms: loadTaskMs, afterFirstWordMs: sliceTaskMs } = await longestTask(page);
  const size = Size.parse(await probe(page, 'size()'));
  if (size.words !== words) throw new Error(`the page has ${size.words} of ${words} words`);
  const tasks = await scrolling(page);

  await page.keyboard.press('/');
  const keyMs: number[] = [];
  for (const key of SEARCHED) keyMs.push(await response(page, 'keydown', () => page.keyboard.press(key)));
  await page.getByRole('status').filter({ hasText: '1 / ' }).waitFor();
  const nextMs: number[] = [];
  const next = page.getByRole('button', { name: 'Next hit' });
  for (let n = 0; n < 5; n += 1) nextMs.push(await response(page, 'click', () => next.click()));
  await context.close();
  return { firstWordMs, wholeMs, loadTaskMs, sliceTaskMs, nodes: size.nodes, keyMs, nextMs, ...tasks };
}

/** Builds the pages and opens a transcript of this many words, each time in a new browser profile. */
export async function longPageFigures(words: number, visits: number): Promise<LongPageFigures> {
  const folder = mkdtempSync(join(PROJECT, '.local', 'bench-'));
  try {
    const vite = join(PROJECT, 'node_modules', 'vite', 'bin', 'vite.js');
    const build = [vite, 'build', 'web', '--config', 'web/vite.config.ts', '--outDir', folder, '--logLevel', 'warn'];
    execFileSync(process.execPath, build, { cwd: PROJECT });
    return await figuresOf(folder, words, visits);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The same for built pages. */
async function figuresOf(folder: string, words: number, visits: number): Promise<LongPageFigures> {
  const server = await serve(folder, responsesOf(words));
  const browser = await chromium.launch({ executablePath: findChromium(), args: ARGUMENTS });
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const each: Awaited<ReturnType<typeof visit>>[] = [];
    for (let n = 0; n < visits; n += 1) each.push(await visit(browser, url, words));
    return {
      words,
      firstWordMs: each.map(({ firstWordMs }) => firstWordMs),
      wholeMs: each.map(({ wholeMs }) => wholeMs),
      loadTaskMs: each.map(({ loadTaskMs }) => loadTaskMs),
      sliceTaskMs: each.map(({ sliceTaskMs }) => sliceTaskMs),
      nodes: Math.max(...each.map(({ nodes }) => nodes)),
      keyMs: each.flatMap(({ keyMs }) => keyMs),
      nextMs: each.flatMap(({ nextMs }) => nextMs),
      wheelTaskMs: each.map(({ wheelTaskMs }) => wheelTaskMs),
      jumpTaskMs: each.map(({ jumpTaskMs }) => jumpTaskMs),
    };
  } finally {
    await browser.close();
    server.close();
    server.closeAllConnections();
  }
}
