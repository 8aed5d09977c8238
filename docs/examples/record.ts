/** Sends recorded chunks and prints the text: `CHUNKSCRIBE_URL=… CHUNKSCRIBE_TOKEN=… node record.ts CHUNK_FILE…` */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

const { CHUNKSCRIBE_URL = '', CHUNKSCRIBE_TOKEN = '' } = process.env;
const LONGEST_WAIT_MS = 30_000;

class Refused extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string) {
    super(`${status} ${code}`);
    this.status = status;
    this.code = code;
  }
}

/** Tries again what may pass: no network, 429, 5xx. Anything else is an answer. */
async function patiently(send: () => Promise<Response>): Promise<Response> {
  for (let pauseMs = 500; ; pauseMs = Math.min(2 * pauseMs, LONGEST_WAIT_MS)) {
    const answer = await send().catch(() => undefined);
    if (answer !== undefined && answer.status !== 429 && answer.status < 500) return answer;
    await wait(1000 * Number(answer?.headers.get('retry-after') ?? 0) || pauseMs * (1 + Math.random()));
  }
}

async function call(method: string, path: string, body?: object): Promise<Response> {
  const headers = { authorization: `Bearer ${CHUNKSCRIBE_TOKEN}`, 'content-type': 'application/json' };
  const answer = await patiently(() =>
    fetch(CHUNKSCRIBE_URL + path, { method, headers, ...(body && { body: JSON.stringify(body) }) }),
  );
  if (!answer.ok) throw new Refused(answer.status, (await answer.json()).code);
  return answer;
}

/** Safe to repeat: a chunk that is there already (409 from us, 412 from S3) was sent. An expired address (403) is asked for anew. */
async function send(sessionId: string, chunkNumber: number, bytes: Buffer<ArrayBuffer>): Promise<void> {
  const sha256 = createHash('sha256').update(bytes).digest('base64');
  for (;;) {
    try {
      const wish = { chunkNumber, contentType: 'audio/webm', sizeBytes: bytes.length, sha256 };
      const { upload } = await (await call('POST', `/api/sessions/${sessionId}/chunks`, wish)).json();
      const { 'content-length': _set, ...headers } = upload.headers;
      const { ok, status } = await patiently(() => fetch(upload.url, { method: upload.method, headers, body: bytes }));
      if (ok || status === 412) return;
      if (status !== 403) throw new Refused(status, 'upload');
    } catch (error) {
      if (error instanceof Refused && error.code === 'chunk-exists') return;
      throw error;
    }
  }
}

const files = process.argv.slice(2);
const { id } = await (await call('POST', '/api/sessions', { title: 'Example' })).json();
/** Holds the batch back while we record. Nobody waits for it: a lock that fails must not disturb. */
const lock = (): void => void call('POST', '/api/batch/lock', { sessionId: id }).catch(() => undefined);
lock();
const renewing = setInterval(lock, 60_000);
for (const [index, file] of files.entries()) await send(id, index + 1, readFileSync(file)); // a recorder: as each is recorded
clearInterval(renewing);
await call('POST', `/api/sessions/${id}/complete`, { chunkCount: files.length }); // releases the lock
for (;;) {
  const transcript = await call('GET', `/api/sessions/${id}/transcript`).catch((error: Refused) => {
    if (error.code !== 'not-ready') throw error;
  });
  const { final, text } = (await transcript?.json()) ?? {};
  if (final) {
    console.log(text);
    break;
  }
  await wait(500);
}
