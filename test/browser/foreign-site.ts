import { createServer } from 'node:http';

export interface ForeignSite {
  /** Host name and port differ from those of the product, so the browser treats it as another site. */
  readonly url: string;
  stop(): void;
}

/** Serves a page that is unrelated to the product. */
export async function foreignSite(): Promise<ForeignSite> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>foreign</title><p>any page of the web</p>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `http://localhost:${typeof address === 'object' && address !== null ? address.port : 0}/`,
    stop: () => server.close(),
  };
}

export interface Attempt {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Runs in a page. Returns what it can read of the response: with CORS and headers, with CORS alone, and without CORS. */
export async function readByFetch({ url, method, headers, body }: Attempt): Promise<string[]> {
  const text = async (init: RequestInit): Promise<string> => {
    try {
      return await (await fetch(url, { method, ...(body !== undefined && { body }), ...init })).text();
    } catch {
      return '';
    }
  };
  // Without CORS a page cannot set headers, and sends the body as plain text.
  const plain = ['GET', 'POST'].includes(method) ? await text({ mode: 'no-cors' }) : '';
  return [await text({ headers }), await text({}), plain];
}
