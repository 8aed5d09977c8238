/**
 * Uploads recordings chunk by chunk and follows them until the server has decoded every chunk.
 *
 * One loop per recording, in one tab at a time (Web Locks). Each round takes the next step according to the stored state:
 * create the session -> upload a chunk -> send title and notes -> complete the session -> poll the states of the chunks -> wait.
 * Every step is idempotent: a second upload of a chunk returns 409 or 412, which counts as success. A crash at any point loses nothing.
 * Gotcha: chunks that fail are kept on the device; the user can retry or save them (leftovers.tsx).
 */
import { signal } from '@preact/signals';
import type { CallResult } from '../../../core/contracts/calls/client.ts';
import { ApiError, api, errorMessage } from '../api/client.ts';
import { type BackoffOptions, backoff } from '../api/polling.ts';
import { user } from '../auth/session.ts';
import {
  audioOf,
  type Chunk,
  changeChunk,
  changeRecording,
  chunksOf,
  dropAudio,
  dropRecording,
  type Recording,
  type RecordingNote,
  recordingOf,
  recordingsOf,
} from './store.ts';

const PUT_TIMEOUT_MS = 120_000;
/** Pauses between polls of the states of uploaded chunks. */
export const STATE_POLLING: BackoffOptions = { firstMs: 1000, longestMs: 15_000, factor: 1.3 };
/** Without a change for this long, polling a completed recording stops until the next visit: it waits for the batch or a machine. */
const UNCHANGED_LIMIT_MS = 30 * 60_000;

/** Why a recording cannot be uploaded now. */
type Blocker = 'offline' | 'signed-out' | 'server';
export interface RecordingView extends Recording {
  readonly chunks: readonly Chunk[];
  readonly blockedBy?: Blocker | undefined;
}
/** Recordings of this user that are still on this device. */
export const recordings = signal<readonly RecordingView[]>([]);

const blockers = new Map<string, Blocker>();
const loops = new Map<string, { kick(): void }>();
let viewedUserId = '';

/** Reads `recordings` from the store, which also contains the changes of other tabs. */
export async function refreshRecordings(userId = viewedUserId): Promise<void> {
  viewedUserId = userId;
  const stored = await recordingsOf(userId);
  recordings.value = await Promise.all(
    stored.map(async (recording) => ({
      ...recording,
      chunks: await chunksOf(recording.id),
      blockedBy: blockers.get(recording.id),
    })),
  );
}

const base64 = (bytes: ArrayBuffer): string => btoa(String.fromCharCode(...new Uint8Array(bytes)));

async function put({ upload }: CallResult<'POST /api/sessions/{id}/chunks'>, audio: Blob): Promise<void> {
  const { 'content-length': _set, ...headers } = upload.headers;
  const signal = AbortSignal.timeout(PUT_TIMEOUT_MS);
  const response = await fetch(upload.url, { method: upload.method, headers, body: audio, signal }).catch(() => undefined);
  if (response === undefined) throw new ApiError(0, 'offline', 'There is no connection.');
  await response.text().catch(() => ''); // reading the body frees the connection
  if (response.ok || response.status === 412) return;
  // 403: the URL has expired; 400: the bytes were damaged. Both are retried with a new URL, so they are mapped to 503.
  throw new ApiError(response.status < 500 ? 503 : response.status, 'storage', `S3 returned ${response.status}.`);
}
const presign = (sessionId: string, chunk: Chunk, audio: Blob, sha256: string) =>
  api('POST /api/sessions/{id}/chunks', {
    path: { id: sessionId },
    body: {
      chunkNumber: chunk.n,
      contentType: chunk.contentType.replace(/;.*/, ''),
      sizeBytes: audio.size,
      sha256,
      startedAtMs: Math.round(chunk.startedAtMs),
      ...(chunk.overlapMs !== undefined && { overlapMs: Math.min(30_000, chunk.overlapMs) }),
      ...(chunk.durationSeconds !== undefined &&
        chunk.durationSeconds > 0 && { durationSeconds: Math.min(600, chunk.durationSeconds) }),
    },
  });

async function send(sessionId: string, chunk: Chunk): Promise<void> {
  const audio = await audioOf(chunk);
  if (audio.size === 0) return changeChunk(chunk.recordingId, chunk.n, { state: 'failed', error: 'no audio was recorded' });
  const sha256 = base64(await crypto.subtle.digest('SHA-256', await audio.arrayBuffer()));
  try {
    await put(await presign(sessionId, chunk, audio, sha256), audio);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const isUploaded = error.code === 'chunk-exists';
    const isRejected = !isUploaded && !error.isTransient && ![401, 403, 404, 410].includes(error.status);
    if (isRejected) return changeChunk(chunk.recordingId, chunk.n, { state: 'failed', error: error.message });
    if (!isUploaded) throw error;
  }
  await changeChunk(chunk.recordingId, chunk.n, { state: 'sent' });
}

const FOREIGN = 'another recorder has used this number; save the audio here';

/** Whether the server has other audio under the number of this chunk: another recorder went on with the session meanwhile. */
const isForeign = async ({ sizeBytes }: Pick<ChunkRow, 'sizeBytes'>, chunk: Chunk): Promise<boolean> =>
  (await audioOf(chunk)).size !== sizeBytes;

type ChunkRow = CallResult<'GET /api/sessions/{id}'>['chunks'][number];

/** Copies the server's state of an uploaded chunk to this device. Returns whether it has changed. */
async function syncChunk(chunk: Chunk, row: ChunkRow): Promise<boolean> {
  const { recordingId, n, state, isKnown } = chunk;
  const change = (to: Partial<Chunk>): Promise<void> => changeChunk(recordingId, n, { ...to, isKnown: true });
  const isNew = state === 'sent' && !isKnown;
  const isDead = row.state === 'dead' && state === 'sent';
  if (isNew && (await isForeign(row, chunk))) await change({ state: 'failed', error: FOREIGN });
  else if (row.state === 'done') await dropAudio(recordingId, n, { state: 'done', isKnown: true });
  else if (isDead) await change({ state: 'failed', error: row.error });
  else if (!isKnown) await change({});
  return row.state === 'done' || isDead || !isKnown;
}

/** Copies the server's chunk states to the uploaded chunks on this device. Returns whether any of them changed. */
async function syncChunkStates(sessionId: string, chunks: readonly Chunk[]): Promise<boolean> {
  const open = chunks.find(({ state }) => state === 'sent') ?? chunks.find(({ state }) => state === 'failed');
  const session = await api('GET /api/sessions/{id}', { path: { id: sessionId }, query: { from: open?.n } });
  const rows = new Map(session.chunks.map((row) => [row.chunkNumber, row]));
  let hasChanged = false;
  for (const chunk of chunks) {
    const row = rows.get(chunk.n);
    const isUploaded = chunk.state === 'sent' || (chunk.state === 'failed' && chunk.error !== FOREIGN);
    if (row !== undefined && isUploaded) hasChanged = (await syncChunk(chunk, row)) || hasChanged;
  }
  return hasChanged;
}

async function createSession({
  id,
  title,
  language,
  live,
  diarize,
  minSpeakers,
  maxSpeakers,
  channels,
  prompt,
  hotwords,
  startedAtMs,
}: Recording): Promise<void> {
  const session = await api('POST /api/sessions', {
    body: {
      ...(title && { title }),
      ...(language && { language }),
      live,
      ...(diarize && { diarize, minSpeakers, maxSpeakers }),
      ...(channels && { channels }),
      ...(prompt !== undefined && { prompt }),
      ...(hotwords !== undefined && { hotwords }),
      recordedAt: new Date(startedAtMs).toISOString(),
    },
  });
  await changeRecording(id, { sessionId: session.id });
}

async function sendTitle(id: string, sessionId: string, title: string): Promise<void> {
  await api('PATCH /api/sessions/{id}', { path: { id: sessionId }, body: { title } });
  await changeRecording(id, (now) => ({ isTitleNew: now.title !== title }));
}

async function sendNote(id: string, sessionId: string, note: RecordingNote): Promise<void> {
  const { text, kind, chunkNumber, seconds, lostSeconds } = note;
  const path = { id: sessionId, note: note.id };
  await api('PUT /api/sessions/{id}/notes/{note}', {
    path,
    body: { text, kind, chunkNumber, seconds: Math.min(600, seconds), ...(lostSeconds !== undefined && { lostSeconds }) },
  }).catch((error: unknown) => {
    if (!(error instanceof ApiError && error.code === 'invalid')) throw error; // too many notes must not stop the audio
  });
  await changeRecording(id, ({ notes = [] }) => ({
    notes: notes.map((one) => (one.id === note.id && one.text === note.text ? { ...one, isSent: true as const } : one)),
  }));
}

/** Sends what the user has changed besides the audio. Returns false if there was nothing. */
async function sendChanges({ id, title, isTitleNew, notes = [] }: Recording, sessionId: string): Promise<boolean> {
  const note = notes.find(({ isSent }) => !isSent);
  if (isTitleNew) await sendTitle(id, sessionId, title);
  else if (note !== undefined) await sendNote(id, sessionId, note);
  return isTitleNew === true || note !== undefined;
}

/** Creates the session, except of an empty recording. */
async function begin(recording: Recording, chunks: readonly Chunk[]): Promise<'continue' | 'over'> {
  if (recording.phase !== 'recording' && chunks.length === 0) {
    await dropRecording(recording.id);
    return 'over';
  }
  await createSession(recording);
  return 'continue';
}

/** Takes one step. `continue`: take the next one at once; `changed` and `unchanged`: wait and poll again; `over`: finished. */
async function step(recording: Recording): Promise<'continue' | 'changed' | 'unchanged' | 'over'> {
  const { id, sessionId, phase } = recording;
  // Another user may be signed in now. The recording waits for its owner.
  if (user.value?.userId !== recording.userId) throw new ApiError(401, 'signed-out', 'The user of this upload is signed out.');
  const chunks = await chunksOf(id);
  if (sessionId === undefined) return begin(recording, chunks);
  const next = chunks.find(({ state }) => state === 'recorded');
  if (next !== undefined) {
    await send(sessionId, next);
    return 'continue';
  }
  if (await sendChanges(recording, sessionId)) return 'continue';
  if (phase === 'stopped') {
    const chunkCount = chunks.at(-1)?.n ?? (recording.firstNumber ?? 1) - 1;
    const { resumptions } = recording;
    await api('POST /api/sessions/{id}/complete', { path: { id: sessionId }, body: { chunkCount, resumptions } });
    await changeRecording(id, { phase: 'completed' });
    return 'continue';
  }
  const hasChanged =
    chunks.some(({ state }) => state === 'sent' || state === 'failed') && (await syncChunkStates(sessionId, chunks));
  if (hasChanged || phase === 'recording') return hasChanged ? 'changed' : 'unchanged';
  if (chunks.some(({ state }) => state === 'sent')) return 'unchanged';
  if (chunks.every(({ state }) => state === 'done')) await dropRecording(id);
  return 'over';
}

/** Records why a step failed. Returns false when a retry cannot succeed. */
async function recordFailure(id: string, error: unknown): Promise<boolean> {
  if (error instanceof ApiError && [403, 404, 410].includes(error.status)) {
    const reason = error.status === 410 ? 'The session has been deleted.' : 'The server has no such session.';
    await changeRecording(id, { lost: reason });
    return false;
  }
  const status = error instanceof ApiError ? error.status : undefined;
  blockers.set(id, status === 0 ? 'offline' : status === 401 ? 'signed-out' : 'server');
  if (status === undefined) console.warn('the upload is retried after an error:', errorMessage(error));
  return true;
}

/** The loop of a recording: steps, and the pauses between them. */
async function loop(id: string, waker: { wake: AbortController }): Promise<void> {
  const afterError = backoff({ firstMs: 1000, longestMs: 30_000, factor: 2 });
  const polling = backoff(STATE_POLLING);
  let changedMs = Date.now();
  const advance = async (recording: Recording, woken: AbortSignal): Promise<'continue' | 'paused' | 'over'> => {
    const result = await step(recording);
    blockers.delete(id);
    afterError.reset();
    await refreshRecordings();
    if (result === 'continue' || result === 'changed') {
      changedMs = Date.now();
      polling.reset();
    }
    if (result === 'continue' || result === 'over') return result;
    if (recording.phase === 'completed' && Date.now() - changedMs > UNCHANGED_LIMIT_MS) return 'over';
    await polling.wait(woken);
    return 'paused';
  };
  const pauseAfter = async (error: unknown, woken: AbortSignal): Promise<'paused' | 'over'> => {
    const canRetry = await recordFailure(id, error);
    await refreshRecordings();
    if (!canRetry) return 'over';
    await afterError.wait(woken, error instanceof ApiError ? error.retryAfterSeconds : 0);
    return 'paused';
  };
  for (;;) {
    const recording = await recordingOf(id);
    if (recording === undefined || recording.lost !== undefined) return;
    const woken = waker.wake.signal;
    const state = await advance(recording, woken).catch((error: unknown) => pauseAfter(error, woken));
    if (state === 'over') return;
    if (state === 'paused' && woken.aborted) {
      waker.wake = new AbortController();
      polling.reset();
    }
  }
}

/** Starts the upload loop of a recording. When it is already running, it takes its next step at once. */
export function sendRecording(id: string): void {
  const running = loops.get(id);
  if (running !== undefined) {
    running.kick();
    return;
  }
  const waker = { wake: new AbortController() };
  loops.set(id, { kick: () => waker.wake.abort() });
  navigator.locks
    .request(`chunkscribe-send-${id}`, () => loop(id, waker))
    .catch((error: unknown) => console.warn('the upload ended with an error:', errorMessage(error)))
    .finally(() => {
      loops.delete(id);
      void refreshRecordings();
    });
}

/** Ends the pauses of all upload loops; called when a user signs in. */
export const wakeUploads = (): void => {
  for (const { kick } of loops.values()) kick();
};
