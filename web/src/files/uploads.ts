/**
 * Uploads files in parts, several at once, and goes on where it was: the server says which parts are there.
 *
 * Steps: what is to be sent is stored -> job (one per Idempotency-Key, however often it is asked for) -> parts -> complete.
 * One tab at a time sends a file (Web Locks); each step can be done again.
 */
import { signal } from '@preact/signals';
import { Job, JobCreated, PartUrls } from '../../../core/contracts/answers.ts';
import { FILE_TYPE_OF_EXTENSION, MAX_FILE_BYTES, UPLOAD_PART_BYTES } from '../../../core/contracts/jobs.ts';
import { ApiError, ask, inWords, tell } from '../api/client.ts';
import { pauses } from '../api/patience.ts';
import { user } from '../auth/session.ts';
import { dropUpload, fileOf, keepFile, putUpload, type StoredUpload, uploadsOf } from './upload-store.ts';

const AT_ONCE = 3;

export interface UploadView extends StoredUpload {
  readonly sentBytes: number;
  /** `needs-file`: the page was reloaded, and the browser did not keep the file. */
  readonly state: 'sending' | 'waiting' | 'needs-file' | 'failed';
  readonly error?: string | undefined;
}
export const uploads = signal<readonly UploadView[]>([]);
/** Rises with every upload that is complete: lists look anew. */
export const finished = signal(0);

const running = new Map<string, AbortController>();

const show = (upload: StoredUpload, change: Partial<UploadView>): void => {
  const was = uploads.value.find(({ id }) => id === upload.id) ?? { ...upload, sentBytes: 0, state: 'waiting' as const };
  const others = uploads.value.filter(({ id }) => id !== upload.id);
  uploads.value = [...others, { ...was, ...upload, ...change }].sort((a, b) => a.startedAtMs - b.startedAtMs);
};
const hide = (id: string): void => {
  uploads.value = uploads.value.filter((upload) => upload.id !== id);
};

/** What a file cannot be sent for, in words; undefined when it can. */
export function refusalOf(file: File): string | undefined {
  const extension = file.name.split('.').at(-1)?.toLowerCase() ?? '';
  if (FILE_TYPE_OF_EXTENSION[extension] === undefined && !/^(audio|video)\//.test(file.type))
    return `${file.name} is no audio or film that is known here.`;
  if (file.size === 0) return `${file.name} is empty.`;
  if (file.size > MAX_FILE_BYTES) return `${file.name} is larger than 5 GiB.`;
  return undefined;
}
const typeOf = (file: File): string => FILE_TYPE_OF_EXTENSION[file.name.split('.').at(-1)?.toLowerCase() ?? ''] ?? file.type;
/** A name without what no file name may have. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be in it
const nameOf = (file: File): string => file.name.replace(/[/\\\u0000-\u001f\u007f]/g, '_').slice(-255) || 'file';

/** Sends bytes, and tells how many are on their way: fetch cannot. */
function put(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: Blob,
  signal: AbortSignal,
  onSent: (bytes: number) => void,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = (): void => request.abort();
    signal.addEventListener('abort', abort, { once: true });
    request.open('PUT', url);
    for (const [name, value] of Object.entries(headers)) if (name !== 'content-length') request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded }) => onSent(loaded);
    request.onload = () => resolve(request.status);
    request.onerror = () => reject(new ApiError(0, 'offline', 'There is no connection.'));
    request.onabort = () => reject(new DOMException('aborted', 'AbortError'));
    request.onloadend = () => signal.removeEventListener('abort', abort);
    request.send(body);
  });
}

interface Target {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}
async function putOrThrow(
  { url, headers }: Target,
  body: Blob,
  signal: AbortSignal,
  onSent: (bytes: number) => void,
): Promise<void> {
  const status = await put(url, headers, body, signal, onSent);
  // 412: it is there already. 403: the address is too old, so another one is asked for.
  if (status >= 300 && status !== 412)
    throw new ApiError(status === 403 ? 503 : status, 'storage', `the storage answered ${status}`);
}

/** One round over what is missing; true when nothing is any more. */
async function sendMissing(upload: StoredUpload, jobId: string, file: File, signal: AbortSignal): Promise<boolean> {
  const { parts, uploaded, upload: whole } = await ask(PartUrls, 'POST', `/api/transcriptions/${jobId}/parts`, {});
  const there = uploaded.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const sending = new Map<number, number>();
  let done = there;
  const tell = (): void =>
    show(upload, { state: 'sending', sentBytes: done + [...sending.values()].reduce((sum, bytes) => sum + bytes, 0) });
  tell();
  if (whole !== undefined) {
    await putOrThrow(whole, file, signal, (bytes) => show(upload, { state: 'sending', sentBytes: bytes }));
    return true;
  }
  const left = [...parts].reverse();
  const lane = async (): Promise<void> => {
    for (let part = left.pop(); part !== undefined; part = left.pop()) {
      const { partNumber } = part;
      const bytes = file.slice((partNumber - 1) * UPLOAD_PART_BYTES, partNumber * UPLOAD_PART_BYTES);
      await putOrThrow(part, bytes, signal, (sent) => {
        sending.set(partNumber, sent);
        tell();
      });
      sending.delete(partNumber);
      done += bytes.size;
      tell();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return parts.length === 0 || done >= file.size;
}

/** The job of this upload: the same however often it is asked for. */
async function jobOf(upload: StoredUpload): Promise<string> {
  if (upload.jobId !== undefined) return upload.jobId;
  const { filename, contentType, sizeBytes, language, priority, diarize } = upload;
  const wish = { filename, contentType, sizeBytes, priority, ...(language && { language }), ...(diarize && { diarize }) };
  const { id } = await ask(JobCreated, 'POST', '/api/transcriptions', wish, { 'idempotency-key': upload.id });
  await putUpload({ ...upload, jobId: id });
  return id;
}

async function sendAll(upload: StoredUpload, file: File, signal: AbortSignal): Promise<void> {
  const pause = pauses({ firstMs: 1000, longestMs: 30_000, factor: 2 });
  while (!signal.aborted) {
    try {
      if (user.value?.userId !== upload.userId) throw new ApiError(401, 'signed-out', 'Its user is signed out.');
      const jobId = await jobOf(upload);
      show({ ...upload, jobId }, {});
      while (!(await sendMissing({ ...upload, jobId }, jobId, file, signal)));
      await ask(Job, 'POST', `/api/transcriptions/${jobId}/upload-complete`, {});
      return;
    } catch (error) {
      const isOver = error instanceof ApiError && error.code === 'already-over';
      if (isOver || signal.aborted) return;
      const passes = error instanceof ApiError && (error.isPassing || error.status === 401 || error.code === 'upload-incomplete');
      if (!passes || (error instanceof ApiError && error.code === 'quota-reached')) throw error;
      show(upload, { state: 'waiting', error: inWords(error) });
      await pause.pass(signal, error.retryAfterSeconds);
    }
  }
}

function run(upload: StoredUpload, file: File): void {
  if (running.has(upload.id)) return;
  const ending = new AbortController();
  running.set(upload.id, ending);
  show(upload, { state: 'sending', error: undefined });
  navigator.locks
    .request(`chunkscribe-file-${upload.id}`, () => sendAll(upload, file, ending.signal))
    .then(async () => {
      if (ending.signal.aborted) return;
      await dropUpload(upload.id);
      hide(upload.id);
      finished.value += 1;
    })
    .catch((error: unknown) => show(upload, { state: 'failed', error: inWords(error) }))
    .finally(() => running.delete(upload.id));
}

export interface FileWishes {
  readonly language: string | undefined;
  readonly priority: 'normal' | 'urgent';
  readonly diarize: boolean;
}

/** Begins to send a file. One that waits for its file after a reload goes on with it. */
export async function add(file: File, wishes: FileWishes): Promise<void> {
  const userId = user.value?.userId;
  if (userId === undefined) return;
  const isSame = (upload: StoredUpload): boolean =>
    upload.filename === nameOf(file) && upload.sizeBytes === file.size && upload.lastModifiedMs === file.lastModified;
  const known = uploads.value.find((upload) => isSame(upload) && (upload.state === 'needs-file' || upload.state === 'failed'));
  const upload: StoredUpload = known
    ? stored(known)
    : {
        id: crypto.randomUUID(),
        userId,
        filename: nameOf(file),
        contentType: typeOf(file),
        sizeBytes: file.size,
        lastModifiedMs: file.lastModified,
        startedAtMs: Date.now(),
        ...wishes,
      };
  await putUpload(upload);
  run(upload, file);
  await keepFile(upload.id, file);
  // It may have been sent meanwhile.
  if (!running.has(upload.id) && !uploads.value.some(({ id }) => id === upload.id)) await dropUpload(upload.id);
}

/** Without what only the view has. */
const stored = ({ sentBytes: _sent, state: _state, error: _error, ...upload }: UploadView): StoredUpload => upload;

/** Goes on with what a reload has interrupted. */
export async function resumeUploads(userId: string): Promise<void> {
  for (const upload of await uploadsOf(userId)) {
    if (running.has(upload.id)) continue;
    const file = await fileOf(upload.id);
    if (file === undefined) show(upload, { state: 'needs-file' });
    else run(upload, file);
  }
}

/** Stops sending, and the job with it. */
export async function giveUp(upload: UploadView): Promise<void> {
  running.get(upload.id)?.abort();
  await dropUpload(upload.id);
  hide(upload.id);
  if (upload.jobId !== undefined) await tell('DELETE', `/api/transcriptions/${upload.jobId}`).catch(() => undefined);
  finished.value += 1;
}

addEventListener('beforeunload', (event) => {
  if (uploads.value.some(({ state }) => state === 'sending' || state === 'waiting')) event.preventDefault();
});
