/**
 * Serves the pages with hot reload. Vite serves web/; requests for the configuration, the API and the emulator are proxied to a
 * running host.
 *
 * Gotchas:
 * - The browser calls this origin only. In responses of the host, the emulator's address is replaced by this server's, so that
 *   presigned URLs are proxied too.
 * - The Origin header of proxied requests is replaced by the host's, because the host accepts only its own pages. So this server
 *   must refuse other origins itself, by the same rule (guard.ts).
 */
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import prefresh from '@prefresh/vite';
import { createServer, type InlineConfig, type Plugin, type ProxyOptions, type ViteDevServer } from 'vite';
import { PAGES_CONFIG } from '../core/contracts/pages.ts';
import { refusal } from './guard.ts';
import type { HostNote } from './host-note.ts';

/** Path below which requests are proxied to the emulator. */
const EMULATOR = '/emulator';

export interface DevServerOptions {
  readonly note: Pick<HostNote, 'url' | 'endpoint'>;
  /** Folder of the pages. */
  readonly web: string;
  /** Another port is used when this one is taken. */
  readonly port: number;
}

function portOf({ httpServer }: ViteDevServer): number {
  const address = httpServer?.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
const addressOf = (server: ViteDevServer): string => `http://127.0.0.1:${portOf(server)}`;

/** Refuses requests with other host names or origins before any other handler. */
const guard = (): Plugin => ({
  name: 'chunkscribe-guard',
  configureServer(server) {
    server.middlewares.use((request, response, next) => {
      const refused = refusal(request, portOf(server));
      if (refused === undefined) next();
      else response.writeHead(refused).end();
    });
  },
});

/** Starts the server. Returns it with its address. */
export async function startDevServer({ note, web, port }: DevServerOptions): Promise<{ address: string; server: ViteDevServer }> {
  const replaceOrigin: ProxyOptions['configure'] = (proxy) => {
    proxy.on('proxyReq', (request) => {
      if (request.hasHeader('origin')) request.setHeader('origin', note.url);
    });
  };
  const toHost: ProxyOptions = {
    target: note.url,
    changeOrigin: true,
    selfHandleResponse: true,
    configure(proxy, options) {
      replaceOrigin(proxy, options);
      proxy.on('proxyRes', async (upstream, _request, response) => {
        const body = (await buffer(upstream)).toString().replaceAll(note.endpoint, `${addressOf(server)}${EMULATOR}`);
        const { 'content-length': _length, 'transfer-encoding': _encoding, ...headers } = upstream.headers;
        (response as ServerResponse).writeHead(upstream.statusCode ?? 502, headers).end(body);
      });
    },
  };
  const toEmulator: ProxyOptions = {
    target: note.endpoint,
    changeOrigin: true,
    rewrite: (path) => path.slice(EMULATOR.length) || '/',
    configure: replaceOrigin,
  };
  const config: InlineConfig = {
    configFile: join(web, 'vite.config.ts'),
    plugins: [guard(), await prefresh()],
    server: {
      host: '127.0.0.1',
      port,
      cors: false,
      proxy: { [`^/${PAGES_CONFIG}$`]: toHost, '^/api/': toHost, [`^${EMULATOR}(/|\\?|$)`]: toEmulator },
    },
    clearScreen: false,
  };
  const server = await createServer(config);
  await server.listen();
  return { address: addressOf(server), server };
}
