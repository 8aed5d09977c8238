/** The plain first page of the local host, and the API under the same address. Loopback only, for pages of its own only. */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type DemoResult, runDemo, SAMPLE } from './demo-run.ts';
import type { HostNote } from './host-note.ts';
import type { LocalHost } from './local-host.ts';
import { DEMO_MODEL_NOTE } from './model.ts';
import { recordingClient } from './recording-client.ts';
import { DEMO_USER, signIn } from './users.ts';

const PAGES = join(import.meta.dirname, 'pages');
const FILES: Readonly<Record<string, { file: string; type: string }>> = {
  '/': { file: 'index.html', type: 'text/html; charset=utf-8' },
  '/page.js': { file: 'page.js', type: 'text/javascript; charset=utf-8' },
  '/page.css': { file: 'page.css', type: 'text/css; charset=utf-8' },
};
const SECURITY = {
  'content-security-policy': "default-src 'self'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};
const MAX_BODY_BYTES = 10 * 1024 * 1024;

/** The demo as the page sees it; one runs at a time. */
interface DemoView {
  running: boolean;
  lines: string[];
  result?: Pick<DemoResult, 'waitedSeconds' | 'wordErrorRate'> & { text: string; status: string };
  error?: string;
}

function demoOf(note: HostNote, host: LocalHost) {
  let view: DemoView = { running: false, lines: [] };
  const run = async (current: DemoView): Promise<void> => {
    try {
      const tokens = await signIn(note, DEMO_USER);
      const say = (line: string): unknown => current.lines.push(line);
      const { transcript, ...result } = await runDemo(
        recordingClient(note.apiUrl, tokens.access),
        host.folders.temporary,
        SAMPLE,
        say,
      );
      const { waitedSeconds, wordErrorRate } = result;
      current.result = { waitedSeconds, wordErrorRate, text: transcript.text, status: transcript.status };
    } catch (error) {
      current.error = error instanceof Error ? error.message : 'the demo failed';
    }
    current.running = false;
  };
  return {
    view: () => ({ ...view, note: note.isDemoModel ? DEMO_MODEL_NOTE : undefined }),
    start() {
      if (view.running) return;
      view = { running: true, lines: [] };
      void run(view);
    },
  };
}

/** Why a request is refused: it came by another name (DNS rebinding), or from somebody else's page. */
function refusal(request: IncomingMessage, port: number): 403 | 421 | undefined {
  const own = [`127.0.0.1:${port}`, `localhost:${port}`];
  if (!own.includes(request.headers.host ?? '')) return 421;
  const { origin } = request.headers;
  return origin !== undefined && !own.some((name) => origin === `http://${name}`) ? 403 : undefined;
}

async function proxy(request: IncomingMessage, response: ServerResponse, apiUrl: string): Promise<void> {
  const headers: Record<string, string> = {};
  for (const name of ['authorization', 'content-type', 'idempotency-key', 'if-none-match']) {
    const value = request.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) {
    response.writeHead(413).end();
    return;
  }
  const body = await buffer(request);
  const method = request.method ?? 'GET';
  const answer = await fetch(`${apiUrl}${request.url}`, {
    method,
    headers,
    redirect: 'manual',
    ...(body.length > 0 && method !== 'GET' && method !== 'HEAD' && { body: new Uint8Array(body) }),
  });
  const out: Record<string, string> = { ...SECURITY };
  for (const name of ['content-type', 'cache-control', 'location', 'retry-after', 'etag']) {
    const value = answer.headers.get(name);
    if (value !== null) out[name] = value;
  }
  response.writeHead(answer.status, out).end(Buffer.from(await answer.arrayBuffer()));
}

export async function servePages(port: number, note: HostNote, host: LocalHost): Promise<{ stop(): Promise<void> }> {
  const demo = demoOf(note, host);
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const refused = refusal(request, port);
    if (refused !== undefined) {
      response.writeHead(refused).end();
      return;
    }
    const { pathname } = new URL(request.url ?? '/', note.url);
    const file = FILES[pathname];
    if (request.method === 'TRACE') {
      response.writeHead(405, SECURITY).end(); // fetch sends none on
    } else if (pathname.startsWith('/api/')) {
      await proxy(request, response, note.apiUrl);
    } else if (pathname === '/demo' && request.method === 'POST') {
      demo.start();
      response.writeHead(202, SECURITY).end();
    } else if (pathname === '/demo') {
      response.writeHead(200, { ...SECURITY, 'content-type': 'application/json' }).end(JSON.stringify(demo.view()));
    } else if (file !== undefined && request.method === 'GET') {
      response.writeHead(200, { ...SECURITY, 'content-type': file.type }).end(readFileSync(join(PAGES, file.file)));
    } else {
      response.writeHead(404, SECURITY).end();
    }
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => {
      if (!response.headersSent) response.writeHead(502, SECURITY);
      response.end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
