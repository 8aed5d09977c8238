/** What a recording needs before it starts, besides its devices. */
import { ApiError, api } from '../api/client.ts';
import { MicrophoneError } from './microphone.ts';

export const recordingLock = (id: string): string => `chunkscribe-recording-${id}`;

/** Takes the Web Lock of a recording. Returns a function that releases it. */
export function holdWebLock(id: string): Promise<() => void> {
  return new Promise((held) => {
    void navigator.locks.request(recordingLock(id), () => new Promise<void>((release) => held(release)));
  });
}

/** The id of the recording that goes on with a session: the same when it is tried again, until it is stored. */
export function idOf(sessionId: string | undefined): string {
  const id = (sessionId && sessionStorage.getItem(sessionId)) ?? crypto.randomUUID();
  if (sessionId !== undefined) sessionStorage.setItem(sessionId, id);
  return id;
}

/** Opens the session that the recording goes on with. Returns what is stored of it. @throws ApiError */
export async function resumeSession(id: string, sessionId: string) {
  const session = await api('POST /api/sessions/{id}/resume', { path: { id: sessionId }, headers: { 'Idempotency-Key': id } });
  const { title = '', language, live, diarize = false, resumptions, nextChunkNumber: firstNumber } = session;
  return {
    title,
    language,
    live,
    diarize,
    channels: session.channels === 'separate' ? session.channels : undefined,
    sessionId,
    resumptions,
    firstNumber,
  };
}

/** The message to show to the user for an error. */
export const failureOf = (error: unknown): string =>
  error instanceof MicrophoneError
    ? error.message
    : error instanceof ApiError
      ? `The recording cannot go on: ${error.message}`
      : 'Recording did not start: this browser does not allow storage for this page.';
