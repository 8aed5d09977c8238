/**
 * Uploads files in parallel parts. An interrupted upload resumes: the server lists the parts that it has.
 *
 * Steps: store the upload -> create the job (the Idempotency-Key makes retries return the same job) -> upload the parts -> complete.
 * One tab at a time uploads a file (Web Locks). Every step is idempotent.
 */
import { signal } from '@preact/signals';
import { MAX_FILE_BYTES, UPLOAD_PART_BYTES } from '../../../core/contracts/jobs.ts';
import { FILE_TYPE_OF_EXTENSION, fileExtensionOf } from '../../../core/contracts/media.ts';
import { ApiError, api, errorMessage } from '../api/client.ts';
import { backoff } from '../api/polling.ts';
import { user } from '../auth/session.ts';
import type { SpeakerCounts } from '../ui/speaker-counts.tsx';
import { dropUpload, fileOf, keepFile, putUpload, type StoredUpload, uploadsOf } from './upload-store.ts';

const PARALLEL_PARTS = 3;

export interface UploadView extends StoredUpload {
  readonly sentBytes: number;
  /**
   * `sending` <-> `waiting` (after an error, until the next attempt) -> removed from the list when the upload is complete.
   * `needs-file`: the page was reloaded, and the browser did not keep the file. `failed`: a retry would fail as well.
   */
  readonly state: 'sending' | 'waiting' | 'needs-file' | 'failed';
  readonly error?: string | undefined;
}
export const uploads = signal<readonly UploadView[]>([]);
/** Counts finished and cancelled uploads. Lists reload when it changes. */
export const finished = signal(0);

const running = new Map<string, AbortController>();

const show = (upload: StoredUpload, change: Partial<UploadView>): void => {
  const old = uploads.value.find(({ id }) => id === upload.id) ?? { ...upload, sentBytes: 0, state: 'waiting' as const };
  const others = uploads.value.filter(({ id }) => id !== upload.id);
  uploads.value = [...others, { ...old, ...upload, ...change }].sort((a, b) => a.startedAtMs - b.startedAtMs);
};
const hide = (id: string): void => {
  uploads.value = uploads.value.filter((upload) => upload.id !== id);
};

/** Why a file cannot be uploaded; undefined when it can. */
export function rejectionReason(file: File): string | undefined {
  if (fileExtensionOf(typeOf(file)) === undefined) return `${file.name} is not a supported audio or video file.`;
  if (file.size === 0) return `${file.name} is empty.`;
  if (file.size > MAX_FILE_BYTES) return `${file.name} is larger than 5 GiB.`;
  return undefined;
}
const typeOf = (file: File): string => FILE_TYPE_OF_EXTENSION[file.name.split('.').at(-1)?.toLowerCase() ?? ''] ?? file.type;
/** The file name without slashes and control characters, at most 255 characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are removed
const nameOf = (file: File): string => file.name.replace(/[/\\\u0000-\u001f\u007f]/g, '_').slice(-255) || 'file';

/** Uploads with progress events, which fetch does not have. */
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
  // 412: the object exists already. 403: the URL has expired; 503 makes the caller request a new one.
  if (status >= 300 && status !== 412) throw new ApiError(status === 403 ? 503 : status, 'storage', `S3 returned ${status}.`);
}

/** Uploads the missing parts that the server lists. Returns true when no part is missing any more. */
async function sendMissing(upload: StoredUpload, jobId: string, file: File, signal: AbortSignal): Promise<boolean> {
  const { parts, uploaded, upload: whole } = await api('POST /api/transcriptions/{id}/parts', { path: { id: jobId }, body: {} });
  const uploadedBytes = uploaded.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const sending = new Map<number, number>();
  let done = uploadedBytes;
  const showProgress = (): void =>
    show(upload, { state: 'sending', sentBytes: done + [...sending.values()].reduce((sum, bytes) => sum + bytes, 0) });
  showProgress();
  if (whole !== undefined) {
    await putOrThrow(whole, file, signal, (bytes) => show(upload, { state: 'sending', sentBytes: bytes }));
    return true;
  }
  const left = [...parts].reverse();
  const sendNext = async (): Promise<void> => {
    for (let part = left.pop(); part !== undefined; part = left.pop()) {
      const { partNumber } = part;
      const bytes = file.slice((partNumber - 1) * UPLOAD_PART_BYTES, partNumber * UPLOAD_PART_BYTES);
      await putOrThrow(part, bytes, signal, (sent) => {
        sending.set(partNumber, sent);
        showProgress();
      });
      sending.delete(partNumber);
      done += bytes.size;
      showProgress();
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_PARTS }, sendNext));
  return parts.length === 0 || done >= file.size;
}

/** Returns the id of the upload's job. Creates the job when there is none yet. */
async function jobOf(upload: StoredUpload): Promise<string> {
  if (upload.jobId !== undefined) return upload.jobId;
  const { filename, contentType, sizeBytes, lastModifiedMs, language, priority, separate } = upload;
  const { diarize, minSpeakers, maxSpeakers } = upload;
  const { id } = await api('POST /api/transcriptions', {
    headers: { 'Idempotency-Key': upload.id },
    body: {
      ...{ filename, contentType, sizeBytes, priority },
      modifiedAt: new Date(lastModifiedMs).toISOString(),
      ...(language && { language }),
      ...(diarize && { diarize, minSpeakers, maxSpeakers }),
      ...(separate && { channels: 'separate' }),
    },
  });
  await putUpload({ ...upload, jobId: id });
  return id;
}

/** Takes all steps of an upload. */
async function sendOnce(upload: StoredUpload, file: File, signal: AbortSignal): Promise<void> {
  if (user.value?.userId !== upload.userId) throw new ApiError(401, 'signed-out', 'The user of this upload is signed out.');
  const jobId = await jobOf(upload);
  show({ ...upload, jobId }, {});
  while (!(await sendMissing({ ...upload, jobId }, jobId, file, signal)));
  await api('POST /api/transcriptions/{id}/upload-complete', { path: { id: jobId } });
}

const isOver = (error: unknown): boolean => error instanceof ApiError && error.code === 'already-over';
const canRetry = (error: unknown): error is ApiError =>
  error instanceof ApiError &&
  error.code !== 'quota-reached' &&
  (error.isTransient || error.status === 401 || error.code === 'upload-incomplete');

async function sendUntilComplete(upload: StoredUpload, file: File, signal: AbortSignal): Promise<void> {
  const pauses = backoff({ firstMs: 1000, longestMs: 30_000, factor: 2 });
  while (!signal.aborted) {
    try {
      return await sendOnce(upload, file, signal);
    } catch (error) {
      if (isOver(error) || signal.aborted) return;
      if (!canRetry(error)) throw error;
      show(upload, { state: 'waiting', error: errorMessage(error) });
      await pauses.wait(signal, error.retryAfterSeconds);
    }
  }
}

function run(upload: StoredUpload, file: File): void {
  if (running.has(upload.id)) return;
  const controller = new AbortController();
  running.set(upload.id, controller);
  show(upload, { state: 'sending', error: undefined });
  navigator.locks
    .request(`chunkscribe-file-${upload.id}`, () => sendUntilComplete(upload, file, controller.signal))
    .then(async () => {
      if (controller.signal.aborted) return;
      await dropUpload(upload.id);
      hide(upload.id);
      finished.value += 1;
    })
    .catch((error: unknown) => show(upload, { state: 'failed', error: errorMessage(error) }))
    .finally(() => running.delete(upload.id));
}

export interface FileOptions extends SpeakerCounts {
  readonly language: string | undefined;
  readonly priority: 'normal' | 'urgent';
  readonly diarize: boolean;
  readonly separate: boolean;
}

/** Starts the upload of a file. An upload that needs its file after a reload, or has failed, resumes with it. */
export async function add(file: File, options: FileOptions): Promise<void> {
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
        ...options,
      };
  await putUpload(upload);
  run(upload, file);
  await keepFile(upload.id, file);
  // The upload may have finished meanwhile, and keepFile must not leave the file behind.
  if (!running.has(upload.id) && !uploads.value.some(({ id }) => id === upload.id)) await dropUpload(upload.id);
}

/** Removes the fields that only the view has. */
const stored = ({ sentBytes: _sent, state: _state, error: _error, ...upload }: UploadView): StoredUpload => upload;

/** Resumes uploads that a reload has interrupted. */
export async function resumeUploads(userId: string): Promise<void> {
  for (const upload of await uploadsOf(userId)) {
    if (running.has(upload.id)) continue;
    const file = await fileOf(upload.id);
    if (file === undefined) show(upload, { state: 'needs-file' });
    else run(upload, file);
  }
}

/** Cancels an upload and deletes its job. */
export async function cancelUpload(upload: UploadView): Promise<void> {
  running.get(upload.id)?.abort();
  await dropUpload(upload.id);
  hide(upload.id);
  if (upload.jobId !== undefined)
    await api('DELETE /api/transcriptions/{id}', { path: { id: upload.jobId } }).catch(() => undefined);
  finished.value += 1;
}

addEventListener('beforeunload', (event) => {
  if (uploads.value.some(({ state }) => state === 'sending' || state === 'waiting')) event.preventDefault();
});
