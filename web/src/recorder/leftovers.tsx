/** Recordings that are still on this device. Interrupted ones can be recovered; failed chunks can be retried or saved. */

import { useState } from 'preact/hooks';
import { api, errorMessage } from '../api/client.ts';
import { pathTo } from '../route.ts';
import { clock, dateTime, plural } from '../ui/format.ts';
import { Notice, useConfirmation } from '../ui/parts.tsx';
import { saveAs } from '../ui/save-as.ts';
import { current } from './recording.ts';
import { discard, interrupted, recover } from './recovery.ts';
import { audioOf, type Chunk, changeChunk } from './store.ts';
import { type RecordingView, recordings, refreshRecordings, sendRecording } from './upload-queue.ts';

const DEFAULT_CHUNK_SECONDS = 30;
/** Approximate duration of the audio that is not uploaded. */
const unsentSeconds = ({ chunks }: RecordingView): number =>
  chunks
    .filter(({ state }) => state === 'recording' || state === 'recorded')
    .reduce((sum, { durationSeconds }) => sum + (durationSeconds ?? DEFAULT_CHUNK_SECONDS), 0);
const nameOf = ({ title, startedAtMs }: RecordingView): string => title || `the recording of ${dateTime(startedAtMs)}`;

async function save(recording: RecordingView, chunk: Chunk): Promise<void> {
  const extension = /mp4/.test(chunk.contentType) ? 'm4a' : /ogg/.test(chunk.contentType) ? 'ogg' : 'webm';
  saveAs(`${nameOf(recording)} chunk ${chunk.n}.${extension}`, await audioOf(chunk));
}

/** Has the server retry a permanently failed chunk. When that call fails, the chunk is uploaded again. */
async function retry(recording: RecordingView, chunk: Chunk): Promise<void> {
  const { sessionId: id = '' } = recording;
  const isRetried = await api('POST /api/sessions/{id}/chunks/{n}/retry', { path: { id, n: chunk.n } }).then(
    () => true,
    () => false,
  );
  await changeChunk(recording.id, chunk.n, { state: isRetried ? 'sent' : 'recorded', error: undefined });
  await refreshRecordings();
  sendRecording(recording.id);
}

function Interrupted({ recording }: { readonly recording: RecordingView }) {
  const { confirm, dialog } = useConfirmation();
  const chunks = recording.chunks.filter(({ state }) => state !== 'done').length;
  return (
    <Notice tone="warn">
      <p>
        <strong>{nameOf(recording)} was interrupted.</strong> {plural(chunks, 'chunk')} of it, about{' '}
        {clock(unsentSeconds(recording))}, {chunks === 1 ? 'is' : 'are'} still on this device.
      </p>
      <div class="row">
        <button type="button" class="button primary" onClick={() => void recover(recording)}>
          Recover
        </button>
        <button
          type="button"
          class="button"
          onClick={() =>
            confirm({
              title: 'Discard this recording?',
              text: 'Audio that is not uploaded yet is permanently deleted from this device.',
              button: 'Discard',
              yes: () => void discard(recording),
            })
          }
        >
          Discard
        </button>
      </div>
      {dialog}
    </Notice>
  );
}

function FailedRecording({ recording }: { readonly recording: RecordingView }) {
  const [message, setMessage] = useState('');
  const { confirm, dialog } = useConfirmation();
  const failed = recording.chunks.filter(({ state }) => state === 'failed' || (recording.lost !== undefined && state !== 'done'));
  return (
    <Notice tone="bad">
      <p>
        <strong>{nameOf(recording)}:</strong> {recording.lost ?? `${plural(failed.length, 'chunk')} could not be transcribed.`}{' '}
        The audio is kept on this device.
      </p>
      <ul class="stack">
        {failed.map((chunk) => (
          <li class="row" key={chunk.n}>
            <span>
              Chunk {chunk.n}
              {chunk.error && `: ${chunk.error}`}
            </span>
            {recording.lost === undefined && (
              <button
                type="button"
                class="button"
                onClick={() => retry(recording, chunk).catch((error: unknown) => setMessage(errorMessage(error)))}
              >
                Try again
              </button>
            )}
            <button type="button" class="button" onClick={() => void save(recording, chunk)}>
              Save audio
            </button>
          </li>
        ))}
      </ul>
      {message && <p>{message}</p>}
      <div class="row">
        {recording.sessionId !== undefined && recording.lost === undefined && (
          <a href={pathTo('sessions', recording.sessionId)}>Open the transcript</a>
        )}
        <button
          type="button"
          class="button"
          onClick={() =>
            confirm({
              title: 'Delete this audio?',
              text: 'It is permanently deleted from this device.',
              button: 'Delete audio',
              yes: () => void discard(recording),
            })
          }
        >
          Delete audio
        </button>
      </div>
      {dialog}
    </Notice>
  );
}

/** Notices for interrupted, failed and unsent recordings of this user. */
export function Leftovers() {
  const others = recordings.value.filter(({ id }) => id !== current.value?.id);
  const failed = others.filter(
    ({ chunks, lost, phase }) => lost !== undefined || (phase === 'completed' && chunks.some(({ state }) => state === 'failed')),
  );
  const unsent = others.filter((recording) => recording.lost === undefined && recording.phase === 'stopped');
  return (
    <>
      {others
        .filter(({ id }) => interrupted.value.has(id))
        .map((recording) => (
          <Interrupted key={recording.id} recording={recording} />
        ))}
      {failed.map((recording) => (
        <FailedRecording key={recording.id} recording={recording} />
      ))}
      {unsent.map((recording) => (
        <Notice key={recording.id}>
          <p>
            {nameOf(recording)}: {plural(recording.chunks.filter(({ state }) => state === 'recorded').length, 'chunk')} waiting to
            be uploaded.
          </p>
        </Notice>
      ))}
    </>
  );
}
