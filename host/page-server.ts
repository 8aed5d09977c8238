/** The pages and the API under one address, as CloudFront serves them on AWS. Loopback only, for pages of its own only. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { GetObjectCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';
import { contentSecurityPolicy, PAGES_CONFIG, PagesConfig, PERMISSIONS_POLICY } from '../core/contracts/pages.ts';
import type { LocalHost } from './local-host.ts';

const MAX_BODY_BYTES = 10 * 1024 * 1024;

export interface PageServerOptions {
  readonly port: number;
  readonly host: Pick<LocalHost, 'apiUrl' | 'endpoint' | 'output'>;
  /** Who everybody at this machine may be. */
  readonly demo: NonNullable<PagesConfig['demo']>;
  /** What people should know before they try it. */
  readonly note?: string | undefined;
}

interface Page {
  readonly content: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** What the deployment has published, by its path; the configuration says where Cognito is here, and that nobody pays for the machine. */
async function published({ host, demo, note }: PageServerOptions): Promise<ReadonlyMap<string, Page>> {
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
    demo,
    ...(note !== undefined && { note }),
  };
  return files.set(PAGES_CONFIG, { content: Buffer.from(JSON.stringify(config)), headers });
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

export async function servePages(options: PageServerOptions): Promise<{ stop(): Promise<void> }> {
  const { port } = options;
  const { apiUrl, endpoint } = options.host;
  const files = await published(options);
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
      response.writeHead(200, { ...security, ...file.headers }).end(request.method === 'HEAD' ? undefined : file.content);
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
