/** Loops over work of many users: an item that throws or never ends does not block the others. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { requeueUnserved } from '../../core/chunk-cache/unserved.ts';
import { allOrThrow, forEachContained, shareOf } from '../../core/contained.ts';
import { processDueJobs } from '../../core/file-jobs/due.ts';
import { newJob } from '../../core/file-jobs/job.ts';
import { processDueSessions } from '../../core/sessions/due.ts';
import { batchWorld } from '../support/batch-world.ts';
import { containment } from '../support/containment.ts';
import { jobWorld } from '../support/job-world.ts';
import { memoryChunkStore, memoryQueue } from '../support/memory-stores.ts';
import { recordingWorld } from '../support/recording-world.ts';
import { chunkRow, sessionRow } from '../support/rows.ts';

const MINUTE = 60_000;
/** Longer than the timeout of any function. */
const LONGEST_MINUTES = 30;
const PLANTED = new Error('planted');
const never = new Promise<never>(() => undefined);

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

/** Advances the fake timers until the work ends. */
async function untilOver<T>(work: Promise<T>): Promise<T> {
  let isOver = false;
  const watched = work.finally(() => {
    isOver = true;
  });
  watched.catch(() => undefined);
  for (let minute = 0; !isOver && minute < LONGEST_MINUTES; minute += 1) await vi.advanceTimersByTimeAsync(MINUTE);
  if (!isOver) throw new Error('the work never ended');
  return watched;
}

/** The ways in which an item can fail. */
const faults = [
  ['throws', async () => Promise.reject(PLANTED)],
  ['never ends', () => never],
] as const;
const reason = { throws: /planted/, 'never ends': /longer than/ };

describe.each(faults)('an item that %s', (how, fault) => {
  test('is reported with its id and postponed; all others are processed [pressure.contained]', async () => {
    const served: string[] = [];
    const postponed: string[] = [];
    const contained = containment();
    const work = async (id: string): Promise<void> => (id === 'bad' ? fault() : void served.push(id));
    const result = await untilOver(
      forEachContained(['a', 'bad', 'b'], { idOf: (id) => id, work, postpone: async (id) => void postponed.push(id) }, contained),
    );
    expect(served).toEqual(['a', 'b']);
    expect(postponed).toEqual(['bad']);
    expect(contained.failures).toEqual([expect.stringMatching(reason[how])]);
    expect(contained.failures[0]).toMatch(/^bad: /);
    expect(result).toMatchObject({ errors: [expect.anything()], left: 0 });
  });

  test('in the session keeper: the others are processed, and come first in the next pass [pressure.contained]', async () => {
    const w = await recordingWorld();
    const due = { due_shard: 'due', due_at_ms: 1 } as const;
    for (const id of ['bad', 'good'])
      await w.store.create(
        sessionRow({ session_id: `session_${id}`, state: 'deleted', ...due, due_at_ms: id === 'bad' ? 1 : 2 }),
      );
    const { removeAll } = w.chunks;
    w.chunks.removeAll = async (id) => (id === 'session_bad' ? fault() : removeAll(id));
    w.clock.ms = MINUTE;
    const contained = containment();
    expect(await untilOver(processDueSessions(w.deps, contained))).toEqual({ purged: 1 });
    expect(contained.failures).toEqual([expect.stringMatching(/^session_bad: /)]);
    expect(await w.store.listDue(MINUTE, 10)).toEqual([]);
    expect((await w.store.get('session_bad'))?.due_at_ms).toBeGreaterThan(MINUTE);
  });

  test('in the file keeper: the others are processed, and come first in the next pass [pressure.contained]', async () => {
    const w = jobWorld();
    const stage = { models: ['small.en'], canDiarize: false, compressFiles: false, retentionDays: 0 };
    const input = { filename: 'a.mp3', contentType: 'audio/mpeg', sizeBytes: 10, priority: 'normal' as const };
    for (const id of ['job_bad', 'job_good']) await w.jobs.create(newJob(input, 'mp3', id, 'user-1', stage, w.nowMs()));
    const { head } = w.files;
    Object.assign(w.files, { head: async (key: string) => (key.includes('job_bad') ? fault() : head(key)) });
    w.pass(25 * 60 * MINUTE);
    const contained = containment();
    expect(await untilOver(processDueJobs(w, contained))).toEqual({ abandoned: 1 });
    expect(contained.failures).toEqual([expect.stringMatching(/^job_bad: /)]);
    expect((await w.jobs.get('job_bad'))?.due_at_ms).toBeGreaterThan(w.nowMs());
  });

  test('in a batch scan: the other missing chunks are found and queued by the same run [pressure.contained]', async () => {
    const w = batchWorld();
    w.store('users/user-a/sessions/session_bad/chunk-001.webm', 'e1');
    w.store('users/user-b/sessions/session_good/chunk-001.webm', 'e1');
    const { head } = w.deps.objects;
    w.deps.objects.head = async (key) => (key.includes('session_bad') ? fault() : head(key));
    await w.begin();
    for (let minute = 0; minute < 3; minute += 1) {
      await untilOver(w.tick());
      w.pass(2 * MINUTE);
    }
    expect(w.queue.sent).toEqual(['backlog session_good 1']);
    expect(w.failures.filter((line) => line.startsWith('session_bad#1: '))).toHaveLength(3);
  });

  test('at the end of a batch run: the other transcripts are written, and the run finishes [pressure.contained]', async () => {
    const w = batchWorld();
    for (const session of ['session_bad', 'session_good']) w.add(session, 1);
    w.pass(2 * MINUTE);
    const { assemble } = w.deps;
    Object.assign(w.deps, { assemble: async (id: string) => (id === 'session_bad' ? fault() : assemble(id)) });
    const { id } = await w.begin();
    await untilOver(w.tick());
    await w.work();
    await untilOver(w.tick());
    expect(w.assembled).toEqual(['session_good']);
    expect(await w.batch.readRun(id)).toMatchObject({ state: 'finished', status: 'success' });
    expect(w.failures).toEqual([expect.stringMatching(/^session_bad: /)]);
  });
});

test('a row that cannot be marked as queued blocks neither the messages of other rows nor the start of a run [pressure.contained]', async () => {
  const [chunks, queue] = [memoryChunkStore(), memoryQueue()];
  for (const n of [1, 2, 3]) chunks.put(chunkRow(n, { queued_at_ms: 0 }));
  const { noteQueued } = chunks;
  chunks.noteQueued = async (row, ...more) => (row.chunk_number === 1 ? Promise.reject(PLANTED) : noteQueued(row, ...more));
  let woken = 0;
  const deps = { chunks, queue, wake: async () => void woken++, nowMs: () => 5 * MINUTE };
  await expect(requeueUnserved(deps, 'unserved')).rejects.toThrow();
  expect(queue.sent).toHaveLength(3);
  expect((await chunks.listAllPending()).map(({ queued_at_ms }) => queued_at_ms)).toEqual([0, 5 * MINUTE, 5 * MINUTE]);
  expect(woken).toBe(1);
});

test('a lane that cannot be queued does not block the messages of other lanes [pressure.contained]', async () => {
  const [chunks, queue] = [memoryChunkStore(), memoryQueue()];
  chunks.put(chunkRow(1, { lane: 'stop', queued_at_ms: 0 }));
  chunks.put(chunkRow(2, { lane: 'files', queued_at_ms: 0 }));
  const { sendMany } = queue;
  queue.sendMany = async (lane, rows) => (lane === 'stop' ? Promise.reject(PLANTED) : sendMany.call(queue, lane, rows));
  const deps = { chunks, queue, wake: async () => undefined, nowMs: () => 20 * MINUTE };
  await expect(requeueUnserved(deps, 'unserved')).rejects.toThrow();
  expect(queue.sent).toEqual([expect.stringMatching(/^files .* 2$/)]);
});

test('after the time limit no item is started, and the remaining items are counted [pressure.contained]', async () => {
  const clock = { ms: 0 };
  const contained = { ...containment(), nowMs: () => clock.ms, untilMs: 25 };
  const served: number[] = [];
  const work = async (n: number): Promise<void> => {
    served.push(n);
    clock.ms += 10;
  };
  expect(await forEachContained([1, 2, 3, 4, 5], { idOf: String, work }, contained)).toEqual({ errors: [], left: 2 });
  expect(served).toEqual([1, 2, 3]);
  expect(shareOf({ ...contained, nowMs: () => 5 }, 0.5).untilMs).toBe(15);
});

test.each(faults)('a report that %s does not affect other items [pressure.contained]', async (_how, fault) => {
  const served: number[] = [];
  const contained = { ...containment(), failed: async () => void (await fault()) };
  const work = async (n: number): Promise<void> => {
    if (n === 1) throw PLANTED;
    served.push(n);
  };
  await untilOver(forEachContained([1, 2], { idOf: String, work, postpone: async () => void (await fault()) }, contained));
  expect(served).toEqual([2]);
});

test('a batch of items is processed completely and then fails, so that the sender delivers it again [pressure.contained]', async () => {
  const served: number[] = [];
  const work = async (n: number): Promise<void> => {
    if (n === 2) throw PLANTED;
    served.push(n);
  };
  await expect(allOrThrow([1, 2, 3], { idOf: String, work }, containment())).rejects.toThrow('1 of 3 failed, 0 were not started');
  expect(served).toEqual([1, 3]);
});
