/** The recorder's store: IndexedDB, and memory when the device is full. */
import 'fake-indexeddb/auto';
import { IDBObjectStore } from 'fake-indexeddb';
import { afterEach, expect, test, vi } from 'vitest';
import {
  addPart,
  audioOf,
  type Chunk,
  changeChunk,
  chunksOf,
  dropAudio,
  dropRecording,
  isStorageFull,
  putChunk,
  putRecording,
  recordingsOf,
} from '../../web/src/recorder/store.ts';

const RECORDING = { id: 'r1', userId: 'ada', title: '', live: true, diarize: false, startedAtMs: 1, phase: 'recording' } as const;
const chunk = (n: number, more: Partial<Chunk> = {}): Chunk => ({
  recordingId: 'r1',
  n,
  contentType: 'audio/webm',
  startedAtMs: 0,
  state: 'recording',
  ...more,
});
const part = (n: number, index: number, text: string) => ({ recordingId: 'r1', n, index, data: new Blob([text]) });

afterEach(async () => {
  vi.restoreAllMocks();
  isStorageFull.value = false;
  await dropRecording('r1');
});

test('a chunk’s audio is its own parts in order, and is deleted once decoded [pages.nothing-lost]', async () => {
  await putRecording(RECORDING);
  for (const n of [1, 2, 11]) await putChunk(chunk(n));
  for (const [n, index, text] of [
    [1, 1, 'b'],
    [1, 0, 'a'],
    [1, 10, 'd'],
    [1, 2, 'c'],
    [2, 0, 'x'],
    [11, 0, 'y'],
  ] as const)
    await addPart(part(n, index, text));
  expect(await (await audioOf(chunk(1))).text()).toBe('abcd');
  await changeChunk('r1', 1, { state: 'sent' });
  await dropAudio('r1', 1, { state: 'done' });
  expect((await audioOf(chunk(1))).size).toBe(0);
  expect(await (await audioOf(chunk(11))).text()).toBe('y');
  expect((await chunksOf('r1')).map(({ n, state }) => [n, state])).toEqual([
    [1, 'done'],
    [2, 'recording'],
    [11, 'recording'],
  ]);
});

test('a full device loses nothing: new audio stays in memory, and the page is notified [pages.nothing-lost]', async () => {
  await putChunk(chunk(1));
  await addPart(part(1, 0, 'a'));
  const full = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
    throw new DOMException('no room', 'QuotaExceededError');
  });
  await addPart(part(1, 1, 'b'));
  full.mockRestore();
  await addPart(part(1, 2, 'c'));
  expect(isStorageFull.value).toBe(true);
  expect(await (await audioOf(chunk(1))).text()).toBe('abc');
  await dropRecording('r1');
  expect((await audioOf(chunk(1))).size).toBe(0);
});

test('users see only their own recordings, oldest first [pages.two-of-everything]', async () => {
  await putRecording({ ...RECORDING, startedAtMs: 5 });
  await putRecording({ ...RECORDING, id: 'r2', startedAtMs: 2 });
  await putRecording({ ...RECORDING, id: 'r3', userId: 'bob' });
  expect((await recordingsOf('ada')).map(({ id }) => id)).toEqual(['r2', 'r1']);
  await dropRecording('r2');
  await dropRecording('r3');
});
