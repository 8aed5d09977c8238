/** Sends recorded chunks and prints the text: `CHUNKSCRIBE_URL=… CHUNKSCRIBE_TOKEN=… node record.ts CHUNK_FILE…` */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

const { CHUNKSCRIBE_URL = '', CHUNKSCRIBE_TOKEN = '' } = process.env;
const MAX_WAIT_MS = 30_000;

class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string) {
    super(`${status} ${code}`);
    this.status = status;
    this.code = code;
  }
}

/** Retries on no network, 429 and 5xx. Returns any other response. */
async function withRetries(send: () => Promise<Response>): Promise<Response> {
  for (let pauseMs = 500; ; pauseMs = Math.min(2 * pauseMs, MAX_WAIT_MS)) {
    const response = await send().catch(() => undefined);
    if (response !== undefined && response.status !== 429 && response.status < 500) return response;
    await wait(1000 * Number(response?.headers.get('retry-after') ?? 0) || pauseMs * (1 + Math.random()));
  }
}

async function call(method: string, path: string, body?: object): Promise<Response> {
  const headers = { authorization: `Bearer ${CHUNKSCRIBE_TOKEN}`, 'content-type': 'application/json' };
  const response = await withRetries(() =>
    fetch(CHUNKSCRIBE_URL + path, { method, headers, ...(body && { body: JSON.stringify(body) }) }),
  );
  if (!response.ok) throw new ApiError(response.status, (await response.json()).code);
  return response;
}

/** Uploads a chunk; safe to repeat. 409 from the API or 412 from S3: it is uploaded already. 403: requests a new URL. */
async function send(sessionId: string, chunkNumber: number, bytes: Buffer<ArrayBuffer>): Promise<void> {
  const sha256 = createHash('sha256').update(bytes).digest('base64');
  for (;;) {
    try {
      const options = { chunkNumber, contentType: 'audio/webm', sizeBytes: bytes.length, sha256 };
      const { upload } = await (await call('POST', `/api/sessions/${sessionId}/chunks`, options)).json();
      const { 'content-length': _set, ...headers } = upload.headers;
      const { ok, status } = await withRetries(() => fetch(upload.url, { method: upload.method, headers, body: bytes }));
      if (ok || status === 412) return;
      if (status !== 403) throw new ApiError(status, 'upload');
    } catch (error) {
      if (error instanceof ApiError && error.code === 'chunk-exists') return;
      throw error;
    }
  }
}

const files = process.argv.slice(2);
const { id } = await (await call('POST', '/api/sessions', { title: 'Example' })).json();
/** Locks the batch during the recording. Not awaited, so that a failing lock does not disturb the recording. */
const lock = (): void => void call('POST', '/api/batch/lock', { sessionId: id }).catch(() => undefined);
lock();
const renewing = setInterval(lock, 60_000);
for (const [index, file] of files.entries()) await send(id, index + 1, readFileSync(file)); // a recorder: as soon as each is recorded
clearInterval(renewing);
await call('POST', `/api/sessions/${id}/complete`, { chunkCount: files.length }); // releases the lock
for (;;) {
  const transcript = await call('GET', `/api/sessions/${id}/transcript`).catch((error: ApiError) => {
    if (error.code !== 'not-ready') throw error;
  });
  const { final, text } = (await transcript?.json()) ?? {};
  if (final) {
    console.log(text);
    break;
  }
  await wait(500);
}
