/** Sends a file and prints its text: `CHUNKSCRIBE_URL=… CHUNKSCRIBE_TOKEN=… node transcribe.ts FILE CONTENT_TYPE` */
import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const { CHUNKSCRIBE_URL = '', CHUNKSCRIBE_TOKEN = '' } = process.env;
const [path = '', contentType = 'audio/mpeg'] = process.argv.slice(2);
const POLL_MS = 2000;
const MAX_WAIT_MS = 30_000;

/** Retries on no network, 429 and 5xx. Returns any other response. */
async function withRetries(send: () => Promise<Response>): Promise<Response> {
  for (let pauseMs = 500; ; pauseMs = Math.min(2 * pauseMs, MAX_WAIT_MS)) {
    const response = await send().catch(() => undefined);
    if (response !== undefined && response.status !== 429 && response.status < 500) return response;
    await wait(1000 * Number(response?.headers.get('retry-after') ?? 0) || pauseMs * (1 + Math.random()));
  }
}

async function call(method: string, path: string, body?: object, more: Record<string, string> = {}): Promise<Response> {
  const headers = { ...more, authorization: `Bearer ${CHUNKSCRIBE_TOKEN}`, 'content-type': 'application/json' };
  const response = await withRetries(() =>
    fetch(CHUNKSCRIBE_URL + path, { method, headers, ...(body && { body: JSON.stringify(body) }) }),
  );
  if (!response.ok) throw new Error(`${response.status} ${(await response.json()).detail}`);
  return response;
}

interface Target {
  readonly url: string;
  readonly headers: Record<string, string>;
}

/** Uploads a part of the file. 412: it is uploaded already. */
async function put({ url, headers }: Target, from: number, length: number): Promise<void> {
  const file = await open(path);
  const { buffer } = await file.read({ buffer: Buffer.alloc(length), position: from });
  await file.close();
  const { 'content-length': _set, ...rest } = headers;
  const response = await withRetries(() => fetch(url, { method: 'PUT', headers: rest, body: buffer }));
  if (!response.ok && response.status !== 412) throw new Error(`S3 rejected the file: ${response.status}`);
}

const { size, mtimeMs } = await stat(path);
// The same file has the same key, so another run continues the same job.
const key = createHash('sha256').update(`${path} ${size} ${mtimeMs}`).digest('hex');
const options = { filename: basename(path), contentType, sizeBytes: size };
const { id, status, upload } = await (await call('POST', '/api/transcriptions', options, { 'idempotency-key': key })).json();
if (status === 'pending') {
  if (upload.kind === 'single') await put(upload, 0, size);
  else
    for (;;) {
      const { parts } = await (await call('POST', `/api/transcriptions/${id}/parts`, {})).json();
      if (parts.length === 0) break;
      for (const part of parts) {
        const from = (part.partNumber - 1) * upload.partSizeBytes;
        await put(part, from, Math.min(upload.partSizeBytes, size - from));
      }
    }
  await call('POST', `/api/transcriptions/${id}/upload-complete`, {});
}
for (;;) {
  const job = await (await call('GET', `/api/transcriptions/${id}/status`)).json();
  console.error(`${job.progress} % ${job.stage}`);
  if (job.status === 'completed') break;
  if (job.status !== 'pending' && job.status !== 'processing') throw new Error(job.error ?? job.status);
  await wait(POLL_MS);
}
console.log(await (await call('GET', `/api/transcriptions/${id}/transcript?format=txt`)).text());
