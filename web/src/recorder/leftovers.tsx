/** Recordings that are still on this device: interrupted ones are offered, failed chunks can be tried again or saved. */

import { useState } from 'preact/hooks';
import { inWords, tell } from '../api/client.ts';
import { pathTo } from '../route.ts';
import { clock, dateTime, plural } from '../ui/format.ts';
import { Notice, useQuestion } from '../ui/parts.tsx';
import { current } from './recording.ts';
import { discard, interrupted, recover } from './recovery.ts';
import { audioOf, type Chunk, changeChunk } from './store.ts';
import { look, type RecordingView, recordings, sendRecording } from './upload-queue.ts';

const FIRST_CHUNK_SECONDS = 30;
/** About how much sound is in chunks that are not sent. */
const unsentSeconds = ({ chunks }: RecordingView): number =>
  chunks
    .filter(({ state }) => state === 'recording' || state === 'recorded')
    .reduce((sum, { durationSeconds }) => sum + (durationSeconds ?? FIRST_CHUNK_SECONDS), 0);
const nameOf = ({ title, startedAtMs }: RecordingView): string => title || `the recording of ${dateTime(startedAtMs)}`;

async function save(recording: RecordingView, chunk: Chunk): Promise<void> {
  const url = URL.createObjectURL(await audioOf(chunk));
  const extension = /mp4/.test(chunk.contentType) ? 'm4a' : /ogg/.test(chunk.contentType) ? 'ogg' : 'webm';
  Object.assign(document.createElement('a'), {
    href: url,
    download: `${nameOf(recording)} chunk ${chunk.n}.${extension}`,
  }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Has the server try a chunk again that it gave up; one that never arrived is sent again. */
async function tryAgain(recording: RecordingView, chunk: Chunk): Promise<void> {
  const retried = await tell('POST', `/api/sessions/${recording.sessionId}/chunks/${chunk.n}/retry`).then(
    () => true,
    () => false,
  );
  await changeChunk(recording.id, chunk.n, { state: retried ? 'sent' : 'recorded', error: undefined });
  await look();
  sendRecording(recording.id);
}

function Interrupted({ recording }: { readonly recording: RecordingView }) {
  const { ask, dialog } = useQuestion();
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
            ask({
              title: 'Discard this recording?',
              text: 'What is not sent yet is deleted from this device for ever.',
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

function Troubled({ recording }: { readonly recording: RecordingView }) {
  const [said, setSaid] = useState('');
  const { ask, dialog } = useQuestion();
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
                onClick={() => tryAgain(recording, chunk).catch((error: unknown) => setSaid(inWords(error)))}
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
      {said && <p>{said}</p>}
      <div class="row">
        {recording.sessionId !== undefined && recording.lost === undefined && (
          <a href={pathTo('sessions', recording.sessionId)}>Open the transcript</a>
        )}
        <button
          type="button"
          class="button"
          onClick={() =>
            ask({
              title: 'Forget this audio?',
              text: 'It is deleted from this device for ever.',
              button: 'Forget it',
              yes: () => void discard(recording),
            })
          }
        >
          Forget it
        </button>
      </div>
      {dialog}
    </Notice>
  );
}

export function Leftovers() {
  const others = recordings.value.filter(({ id }) => id !== current.value?.id);
  const troubled = others.filter(
    ({ chunks, lost, phase }) => lost !== undefined || (phase === 'completed' && chunks.some(({ state }) => state === 'failed')),
  );
  const waiting = others.filter((recording) => recording.lost === undefined && recording.phase === 'stopped');
  return (
    <>
      {others
        .filter(({ id }) => interrupted.value.has(id))
        .map((recording) => (
          <Interrupted key={recording.id} recording={recording} />
        ))}
      {troubled.map((recording) => (
        <Troubled key={recording.id} recording={recording} />
      ))}
      {waiting.map((recording) => (
        <Notice key={recording.id}>
          <p>
            {nameOf(recording)}: {plural(recording.chunks.filter(({ state }) => state === 'recorded').length, 'chunk')} still to
            be sent.
          </p>
        </Notice>
      ))}
    </>
  );
}
