/** The lifecycle of a file job: cut, transcribed, joined, shared, failed, resumed. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { JobRow } from '../../core/contracts/jobs.ts';
import { acceptUpload, advance } from '../../core/file-jobs/advance.ts';
import { cancelJob, deleteJob, retryJob } from '../../core/file-jobs/control.ts';
import { processDueJobs } from '../../core/file-jobs/due.ts';
import { newJob } from '../../core/file-jobs/job.ts';
import { fileStatistics } from '../../core/file-jobs/statistics.ts';
import { notifyJobOwner } from '../../core/notifications/mails.ts';
import type { Mail } from '../../core/notifications/ports.ts';
import { containment } from '../support/containment.ts';
import { type JobWorld, jobWorld } from '../support/job-world.ts';
import { memoryNoticeStore } from '../support/memory-batch.ts';
import { job, STAGE, USER, uploaded, view } from '../support/uploaded-file.ts';

test('a file is cut, its parts are transcribed and become one text with a paragraph per part [files.way]', async () => {
  const w = jobWorld();
  const id = await uploaded(w);
  expect(w.queue.sent).toEqual([`files ${id} 0`]);
  expect(await view(w, id)).toMatchObject({ status: 'pending', progress: 0, stage: 'Queued', startedAt: null });
  await w.cut(id, [300, 300, 60]);
  await advance(w, id);
  expect(w.queue.sent.slice(1)).toEqual([`files ${id} 1`, `files ${id} 2`, `files ${id} 3`]);
  expect(await view(w, id)).toMatchObject({ status: 'processing', progress: 30, stage: 'Transcribing chunk 1/3' });
  await w.transcribedPart(id, 2, 'middle part');
  await advance(w, id);
  expect(await view(w, id)).toMatchObject({ progress: 57.2, stage: 'Transcribing chunk 2/3' });
  await w.transcribedPart(id, 1, 'first part');
  await w.transcribedPart(id, 3, 'the end');
  await advance(w, id);
  expect(await view(w, id)).toMatchObject({ status: 'completed', progress: 100, stage: 'Complete', durationSeconds: 660 });
  const transcript = await w.files.readTranscript(await job(w, id));
  expect(transcript).toMatchObject({ jobId: id, text: 'first part\n\nmiddle part\n\nthe end', duration_seconds: 660 });
  expect(transcript?.segments.map(({ start }) => start)).toEqual([0, 300, 600]);
  expect([...w.json.keys()].filter((key) => key.includes('/results/'))).toEqual([]);
});

test('repeated and reordered events have the same result [files.crashes]', async () => {
  const w = jobWorld();
  const id = await uploaded(w);
  await acceptUpload(w, id);
  await w.cut(id, [10]);
  await advance(w, id);
  await advance(w, id);
  await w.transcribedPart(id, 1, 'once');
  await advance(w, id);
  await advance(w, id);
  expect((await w.files.readTranscript(await job(w, id)))?.text).toBe('once');
  expect((await w.chunks.listOf(id)).map(({ chunk_number, fence }) => [chunk_number, fence])).toEqual([
    [0, 1],
    [1, 1],
  ]);
});

test('a dead part ends the job with its reason; a retry transcribes only the missing parts [files.control]', async () => {
  const w = jobWorld();
  const id = await uploaded(w);
  await w.cut(id, [300, 300, 300]);
  await advance(w, id);
  await w.transcribedPart(id, 1, 'kept');
  await w.failed(id, 2, 'the model failed on this chunk');
  await advance(w, id);
  expect(await view(w, id)).toMatchObject({ status: 'failed', error: 'the model failed on this chunk', progress: 30 });
  expect((await w.chunks.listOf(id)).map((row) => row.chunk_number)).toEqual([0, 1]);
  await expect(cancelJob(w, await job(w, id))).rejects.toMatchObject({ code: 'already-over' });
  await retryJob(w, await job(w, id));
  expect((await retryJob(w, await job(w, id))).round).toBe(1);
  const rows = await w.chunks.listOf(id);
  expect(rows.map(({ chunk_number, state }) => [chunk_number, state])).toEqual([
    [0, 'done'],
    [1, 'done'],
    [2, 'pending'],
    [3, 'pending'],
  ]);
  expect(rows[2]?.fence).toBeGreaterThan(rows[1]?.fence ?? 0);
  await w.transcribedPart(id, 2, 'again');
  await w.transcribedPart(id, 3, 'end');
  await advance(w, id);
  expect(await view(w, id)).toMatchObject({ status: 'completed', error: null });
  await expect(retryJob(w, await job(w, id))).rejects.toMatchObject({ code: 'not-failed' });
});

test('a retry does not reduce the progress of a part that failed', async () => {
  const w = jobWorld();
  const id = await uploaded(w);
  await w.cut(id, [100, 100]);
  await advance(w, id);
  await w.transcribedPart(id, 1, 'one');
  const row = await w.chunks.get(id, 2);
  if (row !== undefined) w.chunks.put({ ...row, state: 'leased', progress: 0.8 });
  await advance(w, id);
  expect(await view(w, id)).toMatchObject({ progress: 84 });
  await w.failed(id, 2, 'x');
  await advance(w, id);
  await retryJob(w, await job(w, id));
  expect(await view(w, id)).toMatchObject({ status: 'processing', progress: 84 });
});

test('a file that is not audio, or has another size than declared, ends the job with the reason', async () => {
  const w = jobWorld();
  const id = await uploaded(w);
  await w.failed(id, 0, 'unsupported-media: this is not a supported audio file');
  await advance(w, id);
  expect(await view(w, id)).toMatchObject({ status: 'failed', error: expect.stringMatching(/^unsupported-media/) });
  const other = await uploaded(w);
  w.sizes.set((await job(w, other)).object_key, 11);
  const third = newJob(
    { filename: 'b', contentType: 'audio/mpeg', sizeBytes: 10, priority: 'normal' },
    'mp3',
    'job_third',
    USER,
    STAGE,
    0,
  );
  await w.jobs.create(third);
  w.sizes.set(third.object_key, 11);
  await acceptUpload(w, 'job_third');
  expect(await view(w, 'job_third')).toMatchObject({ status: 'failed', error: expect.stringContaining('11 bytes instead of') });
});

test('a file whose SHA-256 differs from the declared one is not transcribed', async () => {
  const w = jobWorld();
  const declared = createHash('sha256').update('what was sent');
  const [whole, damaged] = [declared.copy().digest('hex'), createHash('sha256').update('what came').digest('hex')];
  const sha256 = declared.digest('base64');
  const [good, bad] = [await uploaded(w, { sha256 }), await uploaded(w, { sha256 })];
  await w.cut(good, [10], whole);
  await w.cut(bad, [10], damaged);
  for (const id of [good, bad]) await advance(w, id);
  expect(await view(w, good)).toMatchObject({ status: 'processing' });
  expect(await view(w, bad)).toMatchObject({ status: 'failed', error: expect.stringContaining('SHA-256') });
});

test('the same content with the same options is transcribed once for all jobs of a user [files.once]', async () => {
  const w = jobWorld();
  const [first, second, other] = [await uploaded(w), await uploaded(w), await uploaded(w, { language: 'en' })];
  for (const id of [first, second, other]) {
    await w.cut(id, [300], 'same');
    await advance(w, id);
  }
  expect((await w.chunks.listOf(second)).map((row) => row.chunk_number)).toEqual([0]);
  expect((await w.chunks.listOf(other)).map((row) => row.chunk_number)).toEqual([0, 1]);
  expect(await view(w, second)).toMatchObject({ status: 'processing', sameAs: first });
  await w.transcribedPart(first, 1, 'shared');
  await advance(w, first);
  expect(await view(w, second)).toMatchObject({ status: 'completed', progress: 100, sameAs: first });
  expect(await w.files.readTranscript(await job(w, second))).toMatchObject({ jobId: second, text: 'shared' });
  const late = await uploaded(w);
  await w.cut(late, [300], 'same');
  await advance(w, late);
  expect(await view(w, late)).toMatchObject({ status: 'completed' });
});

test.each([
  ['is cancelled', (w: JobWorld, row: JobRow) => cancelJob(w, row)],
  ['is deleted', (w: JobWorld, row: JobRow) => deleteJob(w, row)],
  ['fails', (w: JobWorld, row: JobRow) => w.failed(row.job_id, 1, 'x').then(() => advance(w, row.job_id))],
])('if the job that transcribes shared content %s, the job that shares it takes over [files.once]', async (_how, end) => {
  const w = jobWorld();
  const [first, second] = [await uploaded(w), await uploaded(w)];
  for (const id of [first, second]) {
    await w.cut(id, [300], 'same');
    await advance(w, id);
  }
  await end(w, await job(w, first));
  expect((await w.chunks.listOf(second)).map(({ chunk_number, state }) => [chunk_number, state])).toContainEqual([1, 'pending']);
  await w.transcribedPart(second, 1, 'done after all');
  await advance(w, second);
  expect(await view(w, second)).toMatchObject({ status: 'completed' });
});

test('a cancelled or deleted job leaves nothing behind, including late results and uploads [files.control]', async () => {
  const w = jobWorld();
  for (const end of [cancelJob, deleteJob]) {
    const id = await uploaded(w);
    await w.cut(id, [300, 300]);
    await advance(w, id);
    const row = await job(w, id);
    await end(w, row);
    expect(await w.chunks.listOf(id)).toEqual([]);
    w.json.set(row.object_key.replace(/source.*/, 'results/001.9.json'), {});
    w.pass(59 * 60_000);
    expect(await processDueJobs(w, containment())).toEqual({});
    w.sizes.set(row.object_key, 10); // by an upload URL, which is valid for an hour
    w.pass(10 * 60_000);
    expect(await processDueJobs(w, containment())).toEqual({ cleared: 1 });
    expect([...w.json.keys(), ...w.sizes.keys()].filter((key) => key.includes(id))).toEqual([]);
    expect(await job(w, id)).not.toHaveProperty('due_shard');
    await advance(w, id);
    expect(await w.chunks.listOf(id)).toEqual([]);
  }
});

test('an unfinished upload is abandoned after a day; a finished one without an event is found [files.stuck]', async () => {
  const w = jobWorld();
  const [lost, never] = ['job_lost', 'job_never'].map((id) =>
    newJob({ filename: 'x', contentType: 'audio/mpeg', sizeBytes: 10, priority: 'urgent' }, 'mp3', id, USER, STAGE, w.nowMs()),
  ) as [JobRow, JobRow];
  for (const row of [lost, never]) await w.jobs.create(row);
  w.sizes.set(lost.object_key, 10);
  w.pass(24 * 3_600_000);
  expect(await processDueJobs(w, containment())).toEqual({ accepted: 1, abandoned: 1 });
  expect(w.queue.sent).toEqual(['files-urgent job_lost 0']);
  expect(await view(w, 'job_never')).toMatchObject({ status: 'failed', error: expect.stringContaining('within a day') });
});

test('a job without progress is resumed, waits while no machine may start, and finally fails [files.stuck]', async () => {
  const w = jobWorld();
  const id = await uploaded(w);
  w.pass(31 * 60_000);
  expect(await processDueJobs(w, containment())).toEqual({ moved: 1 }); // the upload has just changed it
  const before = w.queue.sent.length;
  w.pass(31 * 60_000);
  expect(await processDueJobs(w, containment())).toEqual({ resumed: 1 });
  expect(w.queue.sent.length).toBe(before + 1);
  w.held.back = true;
  for (let i = 0; i < 20; i++) {
    w.pass(31 * 60_000);
    expect(await processDueJobs(w, containment())).toEqual({ resumed: 1 });
  }
  w.held.back = false;
  for (let i = 0; i < 7; i++) {
    w.pass(31 * 60_000);
    expect(await processDueJobs(w, containment())).toEqual({ resumed: 1 });
  }
  w.pass(31 * 60_000);
  expect(await processDueJobs(w, containment())).toEqual({ failed: 1 });
  expect(await view(w, id)).toMatchObject({ status: 'failed', error: expect.stringContaining('no progress for') });
});

test('progress counts the transcribed audio, names its stages, and never decreases [files.progress]', async () => {
  const w = jobWorld();
  const id = await uploaded(w, { contentType: 'audio/wav' }, 'wav');
  const seen: (readonly [number, string])[] = [];
  const look = async (): Promise<void> => {
    const { progress, stage } = await view(w, id);
    seen.push([progress, stage]);
  };
  const change = async (number: number, more: object): Promise<void> => {
    const row = await w.chunks.get(id, number);
    if (row !== undefined) w.chunks.put({ ...row, ...more });
  };
  await look();
  await change(0, { state: 'leased', claimed_at_ms: 1 });
  await look();
  await change(0, { progress: 0.5 });
  await look();
  await w.cut(id, [100, 100]);
  await look();
  await advance(w, id);
  await change(1, { state: 'leased', progress: 0.5 });
  await look();
  await change(1, { state: 'pending' }); // its worker died: the progress is kept
  await look();
  await w.transcribedPart(id, 1, 'a');
  await w.transcribedPart(id, 2, 'b');
  await look();
  await advance(w, id);
  await look();
  expect(seen).toEqual([
    [0, 'Queued'],
    [10, 'Compressing audio'],
    [15, 'Compressing audio'],
    [30, 'Creating chunks'],
    [45, 'Transcribing chunk 1/2'],
    [45, 'Transcribing chunk 1/2'],
    [90, 'Finalizing'],
    [100, 'Complete'],
  ]);
  expect((await job(w, id)).object_key).toMatch(/source[.]wav$/); // the worker stored no compressed copy
});

test('each end of a job is counted once, with the processing time per minute of audio [files.numbers]', async () => {
  const w = jobWorld();
  const [good, bad, late] = [await uploaded(w), await uploaded(w), await uploaded(w)];
  await w.cut(good, [600], 'good');
  await advance(w, good);
  w.pass(30_000);
  await w.transcribedPart(good, 1, 'x');
  await advance(w, good);
  await advance(w, good);
  await w.failed(bad, 0, 'broken');
  await advance(w, bad);
  await w.cut(late, [600], 'good'); // shared content costs no time and does not count for the speed
  await advance(w, late);
  expect(await fileStatistics(w)).toEqual({ completed: 2, failed: 1, successRate: 2 / 3, secondsPerAudioMinute: 3 });
  w.pass(2 * 86_400_000);
  expect(await fileStatistics(w)).toMatchObject({ completed: 0, successRate: null });
});

test('stuck jobs are listed until they make progress [files.numbers]', async () => {
  const w = jobWorld();
  const id = await uploaded(w);
  for (let i = 0; i < 2; i++) {
    w.pass(31 * 60_000);
    await processDueJobs(w, containment());
  }
  expect(await w.jobs.listStuck(10)).toMatchObject([{ job_id: id, resumes: 1 }]);
  await w.cut(id, [10]);
  await advance(w, id);
  expect(await w.jobs.listStuck(10)).toEqual([]);
});

test('a user who enabled it gets one mail per end of a job, without transcript text [files.mail]', async () => {
  const w = jobWorld();
  const sent: { to: string; subject: string; text: string }[] = [];
  const notices = memoryNoticeStore();
  const deps = {
    notices,
    mailer: { addressOf: async () => 'a@example.com', send: async (to: string, mail: Mail) => void sent.push({ to, ...mail }) },
    nowMs: w.nowMs,
  };
  const id = await uploaded(w);
  await w.failed(id, 0, 'broken');
  await advance(w, id);
  expect(await notifyJobOwner(deps, await job(w, id))).toBe(false);
  await notices.setMailSettings(USER, { sessionCompleted: false, fileCompleted: true });
  for (let i = 0; i < 2; i++) await notifyJobOwner(deps, await job(w, id));
  await retryJob(w, await job(w, id));
  expect(await notifyJobOwner(deps, await job(w, id))).toBe(false);
  await w.cut(id, [10]);
  await advance(w, id);
  await w.transcribedPart(id, 1, 'secret words');
  await advance(w, id);
  for (let i = 0; i < 2; i++) await notifyJobOwner(deps, await job(w, id));
  expect(sent.map(({ subject }) => subject)).toEqual(['Your file could not be transcribed', 'Your file is transcribed']);
  expect(JSON.stringify(sent)).not.toContain('secret words');
});
