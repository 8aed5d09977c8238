/** Finds recordings that a closed or crashed tab has left on this device, and recovers or discards them. */

import { signal } from '@preact/signals';
import { recordingLock } from './beginning.ts';
import { audioOf, changeChunk, changeRecording, chunksOf, dropChunk, dropRecording } from './store.ts';
import { type RecordingView, recordings, refreshRecordings, sendRecording } from './upload-queue.ts';

/** Ids of recordings whose tab ended while recording. The user decides whether to recover or discard them. */
export const interrupted = signal<ReadonlySet<string>>(new Set());

/** Uploads stopped recordings and lists the interrupted ones in `interrupted`. */
export async function findLeftovers(userId: string): Promise<void> {
  await refreshRecordings(userId);
  const { held = [] } = await navigator.locks.query();
  const heldLocks = new Set(held.map(({ name }) => name));
  const found = new Set<string>();
  for (const { id, phase, lost } of recordings.value) {
    if (lost !== undefined) continue;
    if (phase !== 'recording') sendRecording(id);
    else if (!heldLocks.has(recordingLock(id))) found.add(id);
  }
  interrupted.value = found;
}

const removeInterrupted = (id: string): void => {
  interrupted.value = new Set([...interrupted.value].filter((other) => other !== id));
};

/** Completes an interrupted recording with the audio that is stored. Chunks without audio are dropped. */
export async function recover({ id }: RecordingView): Promise<void> {
  removeInterrupted(id);
  for (const chunk of await chunksOf(id)) {
    if (chunk.state !== 'recording') continue;
    if ((await audioOf(chunk)).size === 0) await dropChunk(id, chunk.n);
    else await changeChunk(id, chunk.n, { state: 'recorded' });
  }
  await changeRecording(id, { phase: 'stopped' });
  await refreshRecordings();
  sendRecording(id);
}

/** Deletes the recording from this device. Uploaded chunks stay on the server, which closes the session as abandoned. */
export async function discard({ id }: RecordingView): Promise<void> {
  removeInterrupted(id);
  await dropRecording(id);
  await refreshRecordings();
}
