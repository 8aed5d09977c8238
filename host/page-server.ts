/** The pages and the API under one address, as CloudFront serves them on AWS. Loopback only, for pages of its own only. */
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import {
  cacheControl,
  contentSecurityPolicy,
  PAGES_CONFIG,
  type PagesConfig,
  PERMISSIONS_POLICY,
} from '../core/contracts/pages.ts';

/** Content type by extension; what is not listed is not served. */
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webmanifest': 'application/manifest+json',
  '.json': 'application/json',
};
const MAX_BODY_BYTES = 10 * 1024 * 1024;

export interface PageServerOptions {
  readonly port: number;
  /** Folder with the built pages. */
  readonly pages: string;
  readonly apiUrl: string;
  /** Address of the emulator, where audio is uploaded to and users sign in. */
  readonly endpoint: string;
  readonly config: PagesConfig;
}

/** Why a request is refused: it came by another name (DNS rebinding), or from somebody else's page. */
function refusal(request: IncomingMessage, port: number): 403 | 421 | undefined {
  const own = [`127.0.0.1:${port}`, `localhost:${port}`];
  if (!own.includes(request.headers.host ?? '')) return 421;
  const { origin } = request.headers;
  return origin !== undefined && !own.some((name) => origin === `http://${name}`) ? 403 : undefined;
}

async function proxy(request: IncomingMessage, response: ServerResponse, apiUrl: string, security: object): Promise<void> {
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
  const out: Record<string, string> = { ...security };
  for (const name of ['content-type', 'cache-control', 'location', 'retry-after', 'etag']) {
    const value = answer.headers.get(name);
    if (value !== null) out[name] = value;
  }
  response.writeHead(answer.status, out).end(Buffer.from(await answer.arrayBuffer()));
}

/** All files of a folder by their path from it. */
function filesOf(folder: string): ReadonlyMap<string, Buffer> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => TYPES[extname(name)] !== undefined);
  return new Map(names.map((name) => [name.replaceAll('\\', '/'), readFileSync(join(folder, name))]));
}

export async function servePages(options: PageServerOptions): Promise<{ stop(): Promise<void> }> {
  const { port, apiUrl, endpoint } = options;
  const files = new Map([...filesOf(options.pages), [PAGES_CONFIG, Buffer.from(JSON.stringify(options.config))]]);
  const security = {
    'content-security-policy': contentSecurityPolicy(endpoint, endpoint),
    'permissions-policy': PERMISSIONS_POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const refused = refusal(request, port);
    if (refused !== undefined) {
      response.writeHead(refused).end();
      return;
    }
    const { pathname } = new URL(request.url ?? '/', `http://127.0.0.1:${port}`);
    const name = pathname === '/' ? 'index.html' : pathname.slice(1);
    const file = files.get(name);
    if (request.method === 'TRACE') {
      response.writeHead(405, security).end(); // fetch sends none on
    } else if (pathname.startsWith('/api/')) {
      await proxy(request, response, apiUrl, security);
    } else if (file !== undefined && (request.method === 'GET' || request.method === 'HEAD')) {
      const headers = { ...security, 'content-type': TYPES[extname(name)], 'cache-control': cacheControl(name) };
      response.writeHead(200, headers).end(request.method === 'HEAD' ? undefined : file);
    } else {
      response.writeHead(404, security).end();
    }
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => {
      if (!response.headersSent) response.writeHead(502, security);
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
