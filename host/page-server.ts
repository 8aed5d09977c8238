/**
 * Serves the pages and the API under one address, as CloudFront does on AWS. Loopback only; other origins are refused.
 *
 * Steps: `holdPort` reserves the port while the host starts, and responds 503 -> `servePages` serves -> `stop`.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { GetObjectCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';
import * as z from 'zod';
import { contentSecurityPolicy, PAGES_CONFIG, PagesConfig, PERMISSIONS_POLICY } from '../core/contracts/pages.ts';
import { refusal } from './guard.ts';
import type { LocalHost } from './local-host.ts';
import { type OneTimeCode, oneTimeCode } from './one-time-code.ts';
import { signIn } from './users.ts';

const MAX_BODY_BYTES = 10 * 1024 * 1024;
const MAX_SIGN_IN_BYTES = 1024;
const SIGN_IN_PATH = '/sign-in';
/** Validity of the one-time sign-in address. */
export const SIGN_IN_MINUTES = 60;

export interface PageServerOptions {
  /** The port from `holdPort`. */
  readonly held: HeldPort;
  readonly host: Pick<LocalHost, 'apiUrl' | 'endpoint' | 'output'>;
  /** User that the one-time address signs in. */
  readonly demo: LocalHost['demo'];
  /** Note shown on the pages. */
  readonly note?: string | undefined;
}

/** A port that is reserved for the pages while the host starts. */
export interface HeldPort {
  readonly port: number;
  readonly server: Server;
}

/** Listens on the requested port, or on a free one if it is taken. Responds 503 until the pages are served. */
export async function holdPort(wanted: number): Promise<HeldPort> {
  const server = createServer((_request, response) => response.writeHead(503).end('Chunkscribe is starting.'));
  const listen = (port: number): Promise<unknown> => once(server.listen(port, '127.0.0.1'), 'listening');
  await listen(wanted).catch(() => listen(0));
  server.unref(); // a failed start must be able to exit
  return { port: (server.address() as AddressInfo).port, server };
}

interface Page {
  readonly content: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** Loads the deployed files by path. The configuration is changed for the local host: emulator's Cognito, no costs, note. */
async function published({ host, note }: PageServerOptions): Promise<ReadonlyMap<string, Page>> {
  const s3 = new S3Client({ endpoint: host.endpoint, forcePathStyle: true });
  const Bucket = host.output('PagesBucketName');
  const keys: string[] = [];
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket }))
    keys.push(...Contents.flatMap(({ Key }) => Key ?? []));
  const pages = keys.map(async (Key): Promise<[string, Page]> => {
    const { Body, ContentType = '', CacheControl = '' } = await s3.send(new GetObjectCommand({ Bucket, Key }));
    const content = (await Body?.transformToByteArray()) ?? new Uint8Array();
    return [Key, { content, headers: { 'content-type': ContentType, 'cache-control': CacheControl } }];
  });
  const files = new Map(await Promise.all(pages));
  const { content = new Uint8Array(), headers = {} } = files.get(PAGES_CONFIG) ?? {};
  const config: PagesConfig = {
    ...PagesConfig.parse(JSON.parse(Buffer.from(content).toString())),
    cognitoUrl: host.endpoint,
    usdPerRecordedHour: 0,
    isLocal: true,
    ...(note !== undefined && { note }),
  };
  return files.set(PAGES_CONFIG, { content: Buffer.from(JSON.stringify(config)), headers });
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
  const reply = await fetch(`${apiUrl}${request.url}`, {
    method,
    headers,
    redirect: 'manual',
    ...(body.length > 0 && method !== 'GET' && method !== 'HEAD' && { body: new Uint8Array(body) }),
  });
  const out: Record<string, string> = { ...security };
  for (const name of ['content-type', 'cache-control', 'location', 'retry-after', 'etag']) {
    const value = reply.headers.get(name);
    if (value !== null) out[name] = value;
  }
  response.writeHead(reply.status, out).end(Buffer.from(await reply.arrayBuffer()));
}

const SignInRequest = z.object({ code: z.string() });

/** Exchanges the one-time code for tokens of the demo user. Requires an Origin header, so only the pages can call it. */
async function redeem(
  request: IncomingMessage,
  response: ServerResponse,
  { host, demo }: PageServerOptions,
  oneTime: OneTimeCode,
  security: object,
): Promise<void> {
  const respond = (status: number, body: object): void => {
    response.writeHead(status, { ...security, 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(JSON.stringify(body));
  };
  if (request.headers.origin === undefined) return respond(403, { code: 'foreign-origin' });
  if (Number(request.headers['content-length'] ?? MAX_BODY_BYTES) > MAX_SIGN_IN_BYTES) return respond(413, { code: 'too-large' });
  const { data } = SignInRequest.safeParse(safeJson((await buffer(request)).toString()));
  if (data === undefined || !oneTime.redeem(data.code)) return respond(403, { code: 'sign-in-code' });
  const pool = { endpoint: host.endpoint, userPoolId: host.output('UserPoolId'), clientId: host.output('UserPoolClientId') };
  respond(200, await signIn(pool, demo));
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The file of a path. The pages route in the fragment of the address, so only few paths lead to them. */
const fileNameOf = (path: string): string => (path === '/' || path === SIGN_IN_PATH ? 'index.html' : path.slice(1));

function respondFile(method: string, response: ServerResponse, file: Page | undefined, security: Page['headers']): void {
  if (file === undefined || !['GET', 'HEAD'].includes(method)) response.writeHead(404, security).end();
  else response.writeHead(200, { ...security, ...file.headers }).end(method === 'HEAD' ? undefined : file.content);
}

export interface Pages {
  /** Signs the demo user in once, within `SIGN_IN_MINUTES`. */
  readonly signInAddress: string;
  stop(): Promise<void>;
}

export async function servePages(options: PageServerOptions): Promise<Pages> {
  const { port, server } = options.held;
  const { apiUrl, endpoint } = options.host;
  const oneTime = oneTimeCode(SIGN_IN_MINUTES * 60_000);
  const files = await published(options);
  const security = {
    'content-security-policy': contentSecurityPolicy(endpoint, endpoint),
    'permissions-policy': PERMISSIONS_POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  };
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const refused = refusal(request, port);
    if (refused !== undefined) {
      response.writeHead(refused).end();
      return;
    }
    const { method = '' } = request;
    const { pathname } = new URL(request.url ?? '/', `http://127.0.0.1:${port}`);
    if (method === 'TRACE')
      response.writeHead(405, security).end(); // fetch cannot forward it
    else if (method === 'POST' && pathname === SIGN_IN_PATH) await redeem(request, response, options, oneTime, security);
    else if (pathname.startsWith('/api/')) await proxy(request, response, apiUrl, security);
    else respondFile(method, response, files.get(fileNameOf(pathname)), security);
  };
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    serve(request, response).catch(() => {
      if (!response.headersSent) response.writeHead(502, security);
      response.end();
    });
  });
  server.ref();
  return {
    signInAddress: `http://127.0.0.1:${port}${SIGN_IN_PATH}#code=${oneTime.code}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
