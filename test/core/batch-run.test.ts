import { expect, test } from 'vitest';
import { lock, unlock } from '../../core/batch-lock/lock.ts';
import { batchWorld, START, wholeRun } from '../support/batch-world.ts';
import { sessionRow } from '../support/rows.ts';

const MINUTE = 60_000;
const A = { userId: 'user-a', sessionId: 'session_a' };

test('if nothing is missing, no GPU is requested and the report has the status skipped [batch.skipped]', async () => {
  const w = batchWorld();
  w.add('session_a', 1, { state: 'done' });
  w.add('session_a', 2, { state: 'dead' });
  w.add('session_a', 3, { lane: 'live', queued_at_ms: START });
  w.pass(MINUTE);
  const { id } = await w.begin();
  await w.tick();
  expect(w.files.reports.get(id)).toMatchObject({
    status: 'skipped',
    skipped: true,
    reason: 'nothing is missing',
    scan: { sessionsScanned: 1, totalMissingChunks: 0 },
    gpu: { wasRunning: false, weStartedIt: false, startTime: null, stopTime: null, runtimeSeconds: 0, costUSD: 0 },
  });
  expect([w.counts.wakes, w.queue.sent]).toEqual([0, []]);
  expect(w.published).toEqual([{ BatchSucceeded: 1 }]);
});

test('a lock blocks a run before it scans; this does not count as a success [batch.skipped]', async () => {
  const w = batchWorld();
  w.add('session_b', 1);
  await lock(w.deps, A);
  const { id } = await w.begin();
  await w.tick();
  expect(w.files.reports.get(id)).toMatchObject({
    status: 'skipped',
    lockStatus: { locked: true },
    reason: expect.stringContaining('lock'),
  });
  expect([w.counts.pages, w.counts.wakes, w.queue.sent]).toEqual([0, 0, []]);
  expect(w.published).toEqual([{}]);
});

test('after six hours of blocked runs, the backlog is transcribed during recordings, and the status shows it [batch.turn]', async () => {
  const w = batchWorld();
  w.add('session_b', 1);
  const statuses: string[] = [];
  for (let slot = 0; slot < 4; slot += 1) {
    await lock(w.deps, A);
    const { id } = await w.begin();
    await w.tick();
    statuses.push(w.files.reports.get(id)?.status ?? 'working');
    w.pass(120 * MINUTE);
  }
  expect(statuses).toEqual(['skipped', 'skipped', 'skipped', 'working']);
  expect(w.queue.sent).toEqual(['backlog session_b 1']);
});

test('a dry run scans the same and changes nothing, also during a recording', async () => {
  const w = batchWorld();
  w.add('session_a', 1);
  w.store('users/user-a/sessions/session_a/chunk-002.webm', 'e2');
  w.add('session_a', 3, { state: 'done' });
  w.stored.delete('users/user-a/sessions/session_a/transcription-chunk-003.json');
  await lock(w.deps, A);
  w.pass(MINUTE);
  const before = await w.chunks.listOf('session_a');
  const { id } = await w.begin({ trigger: 'manual', dryRun: true });
  await w.tick();
  expect(await w.batch.readRun(id)).toMatchObject({ state: 'finished', scan: { missing: 3, found: 1, reset: 1 } });
  expect((await w.files.readPending())?.pending.map(({ chunkNumber }) => chunkNumber)).toEqual([1, 2, 3]);
  expect(await w.chunks.listOf('session_a')).toEqual(before);
  expect([w.counts.wakes, w.queue.sent, w.files.reports.size]).toEqual([0, [], 0]);
});

test('only one run is active; a schedule that fires twice, or during a run, returns that run [batch.once]', async () => {
  const w = batchWorld();
  w.add('session_a', 1);
  const slotMs = Date.parse('2026-03-05T14:00:00Z');
  const [first, twin] = await Promise.all([w.begin({ slotMs }), w.begin({ slotMs })]);
  expect([first.id, twin.id]).toEqual(['batch-2026-03-05-1400', 'batch-2026-03-05-1400']);
  expect((await w.begin({ trigger: 'manual' })).id).toBe(first.id);
  await Promise.all([w.tick(), w.tick()]);
  expect(w.queue.sent).toEqual(['backlog session_a 1']);
  await w.machineRuns(10);
  await w.work();
  await w.tick();
  expect((await w.begin({ slotMs })).id).toBe(first.id);
  expect(await w.tick()).toEqual([]);
  // A manual run already has the name of this minute; the scheduled run is found nevertheless.
  w.clock.ms = Date.parse('2026-03-05T16:00:10Z');
  await w.begin({ trigger: 'manual' });
  await w.tick();
  const late = { slotMs: Date.parse('2026-03-05T16:00:00Z') };
  const fired = [await w.begin(late), await w.tick(), await w.begin(late)];
  expect(fired).toMatchObject([{ id: 'batch-2026-03-05-1600-2' }, [{ status: 'skipped' }], { id: 'batch-2026-03-05-1600-2' }]);
  w.clock.ms = START;
  const names = [(await w.begin({ trigger: 'manual' })).id];
  await w.tick();
  names.push((await w.begin({ trigger: 'manual' })).id);
  expect(names).toEqual(['batch-2026-03-05-1400-2', 'batch-2026-03-05-1400-3']);
});

test('dead chunks make a run partial or failed; they are listed with their reasons and do not start the GPU again', async () => {
  const w = batchWorld();
  for (const n of [1, 2, 3]) w.add('session_a', n);
  const { report } = await wholeRun(w, (row) => row.chunk_number === 2);
  expect(report).toMatchObject({
    status: 'partial',
    transcription: { chunksTranscribed: 2, chunksFailed: 1 },
    deadChunks: [{ sessionId: 'session_a', chunkNumber: 2, error: 'the model failed on this chunk' }],
  });
  expect(w.published.at(-1)).toEqual({ BatchFailed: 1, DeadChunks: 1, FailedChunksPercent: 100 / 3 });
  w.pass(MINUTE);
  const { id } = await w.begin();
  await w.tick();
  expect(w.files.reports.get(id)?.status).toBe('skipped');
});

test('a recording that starts during a run pauses the backlog: nothing is resent until it ends', async () => {
  const w = batchWorld();
  w.add('session_b', 1);
  await w.begin();
  await w.tick();
  await lock(w.deps, A);
  for (let minute = 0; minute < 5; minute += 1) {
    w.pass(MINUTE);
    await w.tick();
  }
  expect([w.queue.sent.length, w.counts.wakes]).toEqual([1, 1]);
  await unlock(w.deps, 'user-a');
  await w.tick();
  expect([w.queue.sent.length, w.counts.wakes]).toEqual([2, 2]);
  w.pass(1000);
  await w.tick();
  expect([w.queue.sent.length, w.counts.wakes]).toEqual([2, 3]); // the message is queued: a machine will receive it
});

test('a done row that is still in the index neither prolongs a run nor starts a machine', async () => {
  const w = batchWorld();
  w.add('session_b', 1);
  const { id } = await w.begin();
  await w.tick();
  await w.work();
  const [row] = await w.chunks.listOf('session_b');
  w.chunks.put({ ...(row ?? w.add('session_b', 1)), pending_shard: 'pending-0' });
  await w.tick();
  expect((await w.batch.readRun(id))?.status).toBe('success');
  await w.begin();
  await w.tick();
  expect(w.counts.wakes).toBe(1);
});

test('while a GPU run is serving, messages are resent only after ten minutes', async () => {
  const w = batchWorld();
  w.add('session_b', 1);
  await w.begin();
  await w.tick();
  w.pool.row = { ...w.pool.row, serving: { run_id: 'run-1', machines: ['i-1'], tried: [], drained: false } };
  w.pass(9 * MINUTE);
  await w.tick();
  expect(w.queue.sent).toHaveLength(1);
  w.pass(2 * MINUTE);
  await w.tick();
  expect(w.queue.sent).toHaveLength(2);
});

test('chunks that are not done by the deadline are left for the next run, with the reason', async () => {
  const w = batchWorld();
  for (const n of [1, 2]) w.add('session_b', n);
  const { id } = await w.begin();
  await w.tick();
  w.pool.row = { ...w.pool.row, waits_for: 'capacity', next_start_at_ms: START + 300 * MINUTE };
  w.pass(110 * MINUTE);
  await w.tick();
  expect(w.files.reports.get(id)).toMatchObject({ status: 'failed', chunksLeft: 2, reason: 'EC2 had no capacity' });
  const next = await w.begin();
  expect(next.id).not.toBe(id);
  await w.tick();
  expect((await w.batch.readRun(next.id))?.scan?.missing).toBe(2);
});

test('the report waits for the machine to stop, but not for one that other holders need', async () => {
  const w = batchWorld();
  w.add('session_b', 1);
  const { id } = await w.begin();
  await w.tick();
  await w.machineRuns(30, false);
  await w.work();
  await w.tick();
  expect(w.files.reports.has(id)).toBe(false);
  w.pass(6 * MINUTE);
  await w.tick();
  expect(w.files.reports.get(id)).toMatchObject({ status: 'success', gpu: { weStartedIt: true, stopTime: null } });
});

test('a user who enabled it gets one mail per completed session; other users get none, and no mail contains transcript text [batch.mail]', async () => {
  const w = batchWorld();
  for (const [session, user] of [
    ['session_a', 'user-a'],
    ['session_b', 'user-b'],
    ['session_c', 'user-a'],
  ] as const) {
    w.add(session, 1, { user_id: user, raw_text: 'secret' });
    const completed = { state: 'completed', transcript_status: 'completed', transcript_written_at_ms: START + 50_000 } as const;
    await w.sessions.create(
      sessionRow({ session_id: session, user_id: user, title: 'Tuesday', ...(session !== 'session_c' && completed) }),
    );
  }
  await w.deps.notices.setMailSettings('user-a', { sessionCompleted: true, fileCompleted: false });
  const { id } = await w.begin();
  await w.tick();
  await w.machineRuns(40);
  await w.work();
  Reflect.set(w.deps.mailer ?? {}, 'send', async (to: string, mail: { subject: string; text: string }) => {
    if (w.mails.push({ to, ...mail }) === 1) throw new Error('throttled');
  });
  await w.tick();
  expect((await w.batch.readRun(id))?.status).toBe('success');
  expect(w.published).toContainEqual({ MailFailed: 1 });
  expect(w.mails.map(({ to }) => to)).toEqual(['a@example.com']);
  expect(w.mails[0]?.text).toMatch(/"Tuesday".*is transcribed/);
  expect(JSON.stringify(w.mails)).not.toContain('secret');
});

test.each([
  [30, /^"Tuesday" .* is transcribed in part/],
  [90, /^More than half of this recording is missing: 1:30 of 2:30\.\n\n"Tuesday" .* is transcribed in part/],
])(
  'if more than half of a recording is missing, its mail says so first (%i s of 150 s) [transcript.marks]',
  async (end, text) => {
    const w = batchWorld();
    w.add('session_a', 1);
    w.transcript.gaps.push({ chunkNumber: 1, start: 0, end, reason: 'never uploaded' });
    const completed = { state: 'completed', transcript_status: 'partial', transcript_written_at_ms: START + 50_000 } as const;
    await w.sessions.create(sessionRow({ session_id: 'session_a', title: 'Tuesday', ...completed }));
    await w.deps.notices.setMailSettings('user-a', { sessionCompleted: true, fileCompleted: false });
    await w.begin();
    await w.tick();
    await w.machineRuns(40);
    await w.work();
    await w.tick();
    expect(w.mails.map((mail) => mail.text)).toEqual([expect.stringMatching(text)]);
    expect(JSON.stringify(w.mails)).not.toContain('secret');
  },
);

test('a run that dies at any call is finished by the next ticks: each chunk is transcribed once, and there is one report [batch.once]', async () => {
  const names = [
    'listAllPending',
    'noteQueued',
    'insert',
    'reset',
    'getMany',
    'sendMany',
    'writePending',
    'writeChunks',
    'readChunks',
    'writeReport',
    'commit',
    'wake',
    'assemble',
    'publish',
  ] as const;
  for (const name of names)
    for (let call = 1; call <= 4; call += 1) {
      const w = batchWorld();
      w.add('session_a', 1);
      w.store('users/user-a/sessions/session_a/chunk-002.webm', 'e2');
      w.add('session_a', 3, { state: 'done' });
      w.stored.delete('users/user-a/sessions/session_a/transcription-chunk-003.json');
      w.pass(MINUTE);
      const { id } = await w.begin();
      let calls = 0;
      let isTicking = false;
      const parts: object[] = [w.deps, w.chunks, w.queue, w.files, w.batch];
      for (const part of parts.filter((one) => name in one)) {
        const original = Reflect.get(part, name);
        const died = async (...given: unknown[]): Promise<unknown> => {
          if (isTicking) calls += 1;
          if (isTicking && calls === call) throw new Error('planted');
          return original.apply(part, given);
        };
        Reflect.set(part, name, died);
      }
      for (let minute = 0; minute < 6; minute += 1) {
        isTicking = true;
        await w.tick().catch((error: Error) => expect(error.message).toBe('planted'));
        isTicking = false;
        await w.work();
        w.pass(2 * MINUTE);
      }
      const where = `${name}, call ${call}`;
      expect(await w.batch.readRun(id), where).toMatchObject({ state: 'finished', status: 'success' });
      expect(
        (await w.chunks.listOf('session_a')).map(({ state, fence }) => [state, fence]),
        where,
      ).toEqual([
        ['done', 1],
        ['done', 1],
        ['done', 3],
      ]);
      expect(
        [...w.files.reports.values()].map(({ status }) => status),
        where,
      ).toEqual(['success']);
    }
});
