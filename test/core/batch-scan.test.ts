/** What a batch run finds, and how it scans. */
import { expect, test } from 'vitest';
import { batchWorld, START, wholeRun } from '../support/batch-world.ts';
import { sessionRow } from '../support/rows.ts';

const MINUTE = 60_000;

test('one run transcribes and reports pending chunks, uploads without an event, and missing or broken results [batch.finds]', async () => {
  const w = batchWorld();
  w.add('session_a', 1);
  w.store('users/user-a/sessions/session_a/chunk-002.webm', 'e2');
  for (const n of [3, 4, 5, 6]) w.add('session_a', n, { state: 'done' });
  w.stored.delete('users/user-a/sessions/session_a/transcription-chunk-003.json');
  w.store('users/user-a/sessions/session_a/transcription-chunk-004.json', 'r1', 0);
  w.store('users/user-a/sessions/session_a/transcription-chunk-005.json', 'garbage');
  w.pass(MINUTE);
  const { run, report } = await wholeRun(w);
  expect(run).toMatchObject({ state: 'finished', status: 'success', scan: { missing: 5, found: 1, reset: 3, sessions: 1 } });
  expect(report).toMatchObject({
    status: 'success',
    skipped: false,
    lockStatus: { locked: false },
    scan: { sessionsScanned: 1, totalMissingChunks: 5 },
    gpu: { wasRunning: false, weStartedIt: true, runtimeSeconds: 40, costUSD: 0.005844 },
    transcription: { chunksTranscribed: 5, chunksFailed: 0, totalSizeBytes: 5000 },
    chunksLeft: 0,
  });
  expect((await w.chunks.listOf('session_a')).map(({ state }) => state)).toEqual(Array(6).fill('done'));
  expect(w.stored.get('users/user-a/sessions/session_a/transcription-chunk-005.json')?.etag).toBe('r3');
  expect(w.assembled).toEqual(['session_a']);
  expect((await w.begin()).id).not.toBe(run?.id);
});

test('audio that was overwritten after its transcription, without an event, is found and transcribed again [pressure.overwritten]', async () => {
  const w = batchWorld();
  w.add('session_a', 1, { state: 'done' });
  w.pass(MINUTE);
  w.store('users/user-a/sessions/session_a/chunk-001.webm', 'other bytes');
  // Sessions without rows, copied from another bucket, are not changed.
  w.store('users/user-b/sessions/session_b/results/001.1.json', 'r1');
  w.store('users/user-b/sessions/session_b/transcription-chunk-001.json', 'r1');
  w.pass(MINUTE);
  w.store('users/user-b/sessions/session_b/chunk-001.webm', 'e1');
  const { run } = await wholeRun(w);
  expect(run).toMatchObject({ status: 'success', scan: { missing: 1, found: 1 } });
  expect(await w.chunks.get('session_a', 1)).toMatchObject({ state: 'done', etag: 'other bytes' });
});

test('a result counts as missing only after it should have been published: seconds after its commit, or with the transcript', async () => {
  const w = batchWorld();
  for (const session of ['session_a', 'session_b']) {
    w.add(session, 1, { state: 'done' });
    w.stored.delete(`users/user-a/sessions/${session}/transcription-chunk-001.json`);
  }
  w.pass(1000);
  await w.sessions.create(sessionRow({ session_id: 'session_b', transcript_written_at_ms: w.clock.ms }));
  const scans = [];
  for (const ms of [1, 10_000]) {
    w.pass(ms);
    const { id } = await w.begin({ trigger: 'manual', dryRun: true });
    await w.tick();
    scans.push((await w.batch.readRun(id))?.scan?.reset);
  }
  expect(scans).toEqual([1, 2]);
});

test('sessions of older clients are found in any folder; results next to their chunks count [batch.finds]', async () => {
  const w = batchWorld();
  w.store('users/user-a/audio/2024/01/my-session_old1/chunk-001.webm', 'o1');
  w.store('users/user-a/audio/2024/01/my-session_old1/chunk-2.webm', 'o2');
  w.store('users/user-a/audio/2024/01/my-session_old1/transcription-chunk-002.json', 'x');
  w.store('users/user-a/audio/2024/01/notes/chunk-001.webm', 'n');
  w.store('users/user-a/session_old2/chunk-001.webm', 'p');
  const { run } = await wholeRun(w);
  expect(run?.scan).toMatchObject({ sessions: 2, found: 2, missing: 2 });
  expect(await w.sessions.get('session_old1')).toMatchObject({ user_id: 'user-a' });
  expect((await w.chunks.listOf('session_old1')).map((row) => [row.chunk_number, row.object_key, row.state])).toEqual([
    [1, 'users/user-a/audio/2024/01/my-session_old1/chunk-001.webm', 'done'],
  ]);
  w.pass(MINUTE);
  const { id } = await w.begin();
  await w.tick();
  expect(w.files.reports.get(id)).toMatchObject({ status: 'skipped', scan: { sessionsScanned: 4 } });
});

test('many users are scanned concurrently, and all of their sessions and chunks are counted', async () => {
  const w = batchWorld();
  for (let user = 0; user < 40; user += 1)
    for (let n = 0; n < 3; n += 1) w.add(`session_${user}_${n}`, 1, { user_id: `user-${user}`, ...(n > 0 && { state: 'done' }) });
  w.pass(MINUTE);
  const { report } = await wholeRun(w);
  expect(report.scan).toEqual({ sessionsScanned: 120, totalMissingChunks: 40 });
  expect(report.sessionsTouched).toBe(40);
});

test('a scan that takes minutes keeps its claim of the run, however many users are scanned concurrently', async () => {
  const w = batchWorld();
  for (let user = 0; user < 40; user += 1) w.add(`session_${user}`, 1, { user_id: `user-${user}` });
  const { objectsOf } = w.deps.bucket;
  Reflect.set(w.deps.bucket, 'objectsOf', async function* (user: string, after?: string) {
    for await (const page of objectsOf(user, after)) {
      yield page;
      w.pass(25_000);
    }
  });
  const { id } = await w.begin();
  await w.tick();
  expect(await w.batch.readRun(id)).toMatchObject({ state: 'working', scan: { sessions: 40, missing: 40 } });
});

test('a pending row that is missing in the index is put back [batch.finds]', async () => {
  const w = batchWorld();
  const { pending_shard: _none, ...row } = w.add('session_a', 1);
  w.chunks.put(row);
  expect(await w.chunks.listAllPending()).toEqual([]);
  const { report } = await wholeRun(w);
  expect(report.transcription.chunksTranscribed).toBe(1);
});

test('sessions that have waited for over a day come first, then the newest ones, with their chunks in order', async () => {
  const w = batchWorld();
  const ago = (hours: number) => ({ uploaded_at_ms: START - hours * 60 * MINUTE });
  w.add('session_old', 1, ago(5));
  w.add('session_ancient', 1, ago(49));
  w.add('session_starving', 1, ago(30));
  w.add('session_new', 2, ago(1));
  w.add('session_new', 1, ago(1.1));
  await w.begin();
  await w.tick();
  expect(w.queue.sent.map((line) => line.replace('backlog session_', ''))).toEqual([
    'ancient 1',
    'starving 1',
    'new 1',
    'new 2',
    'old 1',
  ]);
});

test('a scan that fails repeatedly ends the run as failed', async () => {
  const w = batchWorld();
  w.add('session_a', 1);
  Reflect.set(w.deps.bucket, 'users', () => Promise.reject(new Error('no storage')));
  const { id } = await w.begin();
  for (let minute = 0; minute < 3; minute += 1) await w.tick().catch(() => undefined);
  expect(w.files.reports.get(id)).toMatchObject({ status: 'failed', reason: expect.stringContaining('failed repeatedly') });
  expect(w.published).toEqual([{ BatchFailed: 1 }]);
});

test('a scan that hangs ends as failed at the deadline of the run', async () => {
  const w = batchWorld();
  const { id } = await w.begin();
  Reflect.set(w.deps.bucket, 'users', () => new Promise(() => undefined));
  void w.tick();
  await expect.poll(async () => (await w.batch.readRun(id))?.busy_until_ms).toBeGreaterThan(START);
  w.pass(110 * MINUTE);
  await w.tick();
  expect(w.files.reports.get(id)).toMatchObject({ status: 'failed', reason: expect.stringContaining('in time') });
});

test('above a thousand sessions, a scheduled run scans two days; a manual run, and one run a day, scan everything [batch.finds]', async () => {
  const w = batchWorld();
  const from = await w.batch.readState();
  await w.batch.commit({
    state: { from, to: { ...from, version: 1, full_audit_sessions: 1001, full_audit_at_ms: START - 60 * MINUTE } },
  });
  w.store('users/user-a/sessions/session_01AAAAAAAAAAAAAAAAAAAAAAAA/chunk-001.webm', 'old');
  w.store('users/user-a/sessions/session_7ZZZZZZZZZZZZZZZZZZZZZZZZZ/chunk-001.webm', 'new');
  const scans = [];
  for (const request of [{}, { trigger: 'manual', dryRun: true } as const, {}]) {
    const { id } = await w.begin(request);
    await w.tick();
    scans.push((await w.batch.readRun(id))?.scan);
    w.pass(25 * 60 * MINUTE);
    await w.work();
    await w.tick();
  }
  expect(scans.map((scan) => [scan?.is_full, scan?.sessions])).toEqual([
    [false, 1],
    [true, 2],
    [true, 2],
  ]);
});
