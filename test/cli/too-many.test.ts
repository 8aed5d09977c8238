/** The clients of this project wait when the API limits their rate. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { connection } from '../../cli/connection.ts';

let server: Server | undefined;
afterEach(async () => {
  vi.unstubAllEnvs();
  await new Promise((resolve) => server?.close(resolve));
});

/** Starts an API that refuses the first calls. */
async function refusing(times: number, code: string, retryAfter: string): Promise<void> {
  let left = times;
  server = createServer((_request, answer) => {
    const isRefused = left-- > 0;
    answer.writeHead(isRefused ? 429 : 200, { 'content-type': 'application/json', 'retry-after': retryAfter });
    answer.end(JSON.stringify(isRefused ? { code, detail: `${code}: come again` } : { sessions: [] }));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server?.once('listening', resolve));
  vi.stubEnv('CHUNKSCRIBE_API', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('CHUNKSCRIBE_TOKEN', 'token');
}

test('the command line and the MCP server wait for Retry-After and repeat the call [api.quota]', async () => {
  await refusing(2, 'too-many', '17');
  const waited: number[] = [];
  const { api } = connection(async (seconds) => void waited.push(seconds));
  expect(await api('GET /api/sessions')).toEqual({ sessions: [] });
  expect(waited).toEqual([17, 17]);
});

test('the number of retries is limited, and a used-up quota is not retried [api.quota]', async () => {
  await refusing(1000, 'too-many', '1');
  const waited: number[] = [];
  const { api } = connection(async (seconds) => void waited.push(seconds));
  await expect(api('GET /api/sessions')).rejects.toThrow('too-many: come again');
  expect(waited).toHaveLength(5);
  await new Promise((resolve) => server?.close(resolve));
  await refusing(1000, 'quota-reached', '43200');
  const other = connection(async (seconds) => void waited.push(seconds));
  const body = { filename: 'a.mp3', contentType: 'audio/mpeg', sizeBytes: 1 };
  await expect(other.api('POST /api/transcriptions', { body })).rejects.toThrow('quota-reached');
  expect(waited).toHaveLength(5);
});
