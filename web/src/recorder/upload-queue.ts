/**
 * Sends what was recorded, chunk by chunk, until the server has decoded it all.
 *
 * One loop per recording, in one tab at a time (Web Locks). Each round does the next thing that is to do, by what is stored:
 * make the session -> send a chunk -> say that the recording is complete -> look what became of the chunks -> wait. Every round
 * can be done again: a chunk that was sent already is answered by 409 or 412. Dying anywhere loses nothing.
 */
import { signal } from '@preact/signals';
import { Session, SessionDetails, Upload as UploadAnswer } from '../../../core/contracts/answers.ts';
import { ApiError, ask, inWords, tell } from '../api/client.ts';
import { pauses } from '../api/patience.ts';
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
  recordingOf,
  recordingsOf,
} from './store.ts';

const PUT_TIMEOUT_MS = 120_000;
/** After this long without change a completed recording is left to the next visit: it is only stored, or waits for a machine. */
const PATIENCE_MS = 30 * 60_000;

/** What keeps a recording from being sent. */
type Trouble = 'offline' | 'signed-out' | 'server';
export interface RecordingView extends Recording {
  readonly chunks: readonly Chunk[];
  readonly trouble?: Trouble | undefined;
}
/** Everything of this user that is still on this device. */
export const recordings = signal<readonly RecordingView[]>([]);

const troubles = new Map<string, Trouble>();
const loops = new Map<string, { kick(): void }>();
let viewed = '';

/** Reads anew what is stored; all changes go through the store, so that another tab's are seen, too. */
export async function look(userId = viewed): Promise<void> {
  viewed = userId;
  const found = await recordingsOf(userId);
  recordings.value = await Promise.all(
    found.map(async (recording) => ({ ...recording, chunks: await chunksOf(recording.id), trouble: troubles.get(recording.id) })),
  );
}

const base64 = (bytes: ArrayBuffer): string => btoa(String.fromCharCode(...new Uint8Array(bytes)));

async function put({ upload }: Upload, audio: Blob): Promise<void> {
  const { 'content-length': _set, ...headers } = upload.headers;
  const signal = AbortSignal.timeout(PUT_TIMEOUT_MS);
  const answer = await fetch(upload.url, { method: upload.method, headers, body: audio, signal }).catch(() => undefined);
  if (answer === undefined) throw new ApiError(0, 'offline', 'There is no connection.');
  await answer.text().catch(() => ''); // read to its end, so that the connection is free again
  if (answer.ok || answer.status === 412) return;
  // 403: the address is too old; 400: bytes were damaged on the way. Both are mended by doing it again.
  throw new ApiError(answer.status < 500 ? 503 : answer.status, 'storage', `the storage answered ${answer.status}`);
}
type Upload = Awaited<ReturnType<typeof presign>>;
const presign = (sessionId: string, chunk: Chunk, audio: Blob, sha256: string) =>
  ask(UploadAnswer, 'POST', `/api/sessions/${sessionId}/chunks`, {
    chunkNumber: chunk.n,
    contentType: chunk.contentType.split(';', 1)[0],
    sizeBytes: audio.size,
    sha256,
    startedAtMs: Math.round(chunk.startedAtMs),
    ...(chunk.overlapMs !== undefined && { overlapMs: Math.min(30_000, chunk.overlapMs) }),
    ...(chunk.durationSeconds !== undefined &&
      chunk.durationSeconds > 0 && { durationSeconds: Math.min(600, chunk.durationSeconds) }),
  });

async function send(sessionId: string, chunk: Chunk): Promise<void> {
  const audio = await audioOf(chunk);
  if (audio.size === 0) return changeChunk(chunk.recordingId, chunk.n, { state: 'failed', error: 'nothing was recorded' });
  const sha256 = base64(await crypto.subtle.digest('SHA-256', await audio.arrayBuffer()));
  try {
    await put(await presign(sessionId, chunk, audio, sha256), audio);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const isThere = error.code === 'chunk-exists';
    const isFault = !isThere && !error.isPassing && ![401, 403, 404, 410].includes(error.status);
    if (isFault) return changeChunk(chunk.recordingId, chunk.n, { state: 'failed', error: error.message });
    if (!isThere) throw error;
  }
  await changeChunk(chunk.recordingId, chunk.n, { state: 'sent' });
}

/** Takes over what became of chunks that were sent; true when that is news. */
async function settle(sessionId: string, chunks: readonly Chunk[]): Promise<boolean> {
  const session = await ask(SessionDetails, 'GET', `/api/sessions/${sessionId}`);
  let isNews = false;
  for (const { recordingId, n, state, isKnown } of chunks) {
    const row = session.chunks.find(({ chunkNumber }) => chunkNumber === n);
    if (row === undefined || (state !== 'sent' && state !== 'failed')) continue;
    const isDead = row.state === 'dead' && state === 'sent';
    if (row.state === 'done') await dropAudio(recordingId, n, { state: 'done', isKnown: true });
    else if (isDead) await changeChunk(recordingId, n, { state: 'failed', error: row.error, isKnown: true });
    else if (!isKnown) await changeChunk(recordingId, n, { isKnown: true });
    isNews ||= row.state === 'done' || isDead || !isKnown;
  }
  return isNews;
}

async function createSession({ id, title, language, live, diarize }: Recording): Promise<void> {
  const session = await ask(Session, 'POST', '/api/sessions', {
    ...(title && { title }),
    ...(language && { language }),
    live,
    ...(diarize && { diarize }),
  });
  await changeRecording(id, { sessionId: session.id });
}

/** The next thing to do: `again` at once, `look` after a pause, `over`. */
async function step(recording: Recording): Promise<'again' | 'news' | 'look' | 'over'> {
  const { id, sessionId, phase } = recording;
  // Whoever is signed in now may be somebody else: it waits for its own user.
  if (user.value?.userId !== recording.userId) throw new ApiError(401, 'signed-out', 'Its user is signed out.');
  const chunks = await chunksOf(id);
  if (sessionId === undefined) {
    // A recording of nothing at all is not worth a session.
    if (phase !== 'recording' && chunks.length === 0) {
      await dropRecording(id);
      return 'over';
    }
    await createSession(recording);
    return 'again';
  }
  const next = chunks.find(({ state }) => state === 'recorded');
  if (next !== undefined) {
    await send(sessionId, next);
    return 'again';
  }
  if (phase === 'stopped') {
    await tell('POST', `/api/sessions/${sessionId}/complete`, { chunkCount: chunks.at(-1)?.n ?? 0 });
    await changeRecording(id, { phase: 'completed' });
    return 'again';
  }
  const isNews = chunks.some(({ state }) => state === 'sent' || state === 'failed') && (await settle(sessionId, chunks));
  if (isNews || phase === 'recording') return isNews ? 'news' : 'look';
  if (chunks.some(({ state }) => state === 'sent')) return 'look';
  if (chunks.every(({ state }) => state === 'done')) await dropRecording(id);
  return 'over';
}

/** False when nothing can be done any more. */
async function noteTrouble(id: string, error: unknown): Promise<boolean> {
  if (error instanceof ApiError && [403, 404, 410].includes(error.status)) {
    const why =
      error.status === 410
        ? 'The session was deleted elsewhere.'
        : 'The server does not take it: the session is not known there.';
    await changeRecording(id, { lost: why });
    return false;
  }
  const status = error instanceof ApiError ? error.status : undefined;
  troubles.set(id, status === 0 ? 'offline' : status === 401 ? 'signed-out' : 'server');
  if (status === undefined) console.warn('sending waits:', inWords(error));
  return true;
}

async function loop(id: string, waker: { wake: AbortController }): Promise<void> {
  const trouble = pauses({ firstMs: 1000, longestMs: 30_000, factor: 2 });
  const quiet = pauses({ firstMs: 1000, longestMs: 15_000, factor: 1.3 });
  let newsMs = Date.now();
  for (;;) {
    const recording = await recordingOf(id);
    if (recording === undefined || recording.lost !== undefined) return;
    const was = waker.wake.signal;
    let retryAfter = 0;
    try {
      const result = await step(recording);
      troubles.delete(id);
      trouble.again();
      await look();
      if (result === 'over') return;
      if (result === 'again' || result === 'news') {
        newsMs = Date.now();
        quiet.again();
      }
      if (result === 'again') continue;
      if (recording.phase === 'completed' && Date.now() - newsMs > PATIENCE_MS) return;
      await quiet.pass(was);
    } catch (error) {
      const goesOn = await noteTrouble(id, error);
      await look();
      if (!goesOn) return;
      retryAfter = error instanceof ApiError ? (error.retryAfterSeconds ?? 0) : 0;
      await trouble.pass(was, retryAfter);
    }
    if (was.aborted) {
      waker.wake = new AbortController();
      quiet.again();
    }
  }
}

/** Sends what this recording has, and goes on until all of it is decoded; calling it again makes it look at once. */
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
    .catch((error: unknown) => console.warn('sending ended:', inWords(error)))
    .finally(() => {
      loops.delete(id);
      void look();
    });
}

/** Everything that waits may go on: the network is back, or somebody has signed in. */
export const sendAll = (): void => {
  for (const { kick } of loops.values()) kick();
};
