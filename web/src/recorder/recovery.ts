/** Recordings that another tab, a crash or the end of the battery has left behind on this device. */

import { signal } from '@preact/signals';
import { recordingLock } from './recording.ts';
import { audioOf, changeChunk, changeRecording, chunksOf, dropChunk, dropRecording } from './store.ts';
import { look, type RecordingView, recordings, sendRecording } from './upload-queue.ts';

/** Ids of recordings whose tab is gone in the middle: what becomes of them is a person's choice. */
export const interrupted = signal<ReadonlySet<string>>(new Set());

/** Looks through the device: what was stopped is sent by itself, what was interrupted is offered. */
export async function findLeftovers(userId: string): Promise<void> {
  await look(userId);
  const { held = [] } = await navigator.locks.query();
  const living = new Set(held.map(({ name }) => name));
  const found = new Set<string>();
  for (const { id, phase, lost } of recordings.value) {
    if (lost !== undefined) continue;
    if (phase !== 'recording') sendRecording(id);
    else if (!living.has(recordingLock(id))) found.add(id);
  }
  interrupted.value = found;
}

const decided = (id: string): void => {
  interrupted.value = new Set([...interrupted.value].filter((other) => other !== id));
};

/** Makes of it what there is: chunks that were begun end where their sound ends. */
export async function recover({ id }: RecordingView): Promise<void> {
  decided(id);
  for (const chunk of await chunksOf(id)) {
    if (chunk.state !== 'recording') continue;
    if ((await audioOf(chunk)).size === 0) await dropChunk(id, chunk.n);
    else await changeChunk(id, chunk.n, { state: 'recorded' });
  }
  await changeRecording(id, { phase: 'stopped' });
  await look();
  sendRecording(id);
}

/** Leaves nothing of it on this device; what was sent stays with the server, which closes the session by itself. */
export async function discard({ id }: RecordingView): Promise<void> {
  decided(id);
  await dropRecording(id);
  await look();
}
