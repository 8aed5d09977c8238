import { expect, test } from 'vitest';
import type { JobRow } from '../../core/contracts/jobs.ts';
import { acceptUpload, advance } from '../../core/file-jobs/advance.ts';
import { beginJob } from '../../core/file-jobs/begin.ts';
import { cancelJob, deleteJob, retryJob } from '../../core/file-jobs/control.ts';
import { processDueJobs } from '../../core/file-jobs/due.ts';
import { rowsFor } from '../../core/file-jobs/progress.ts';
import { retranscribeJob } from '../../core/file-jobs/retranscribe.ts';
import { viewJob } from '../../core/file-jobs/view.ts';
import { jobEndEvent } from '../../core/webhooks/outbox.ts';
import { containment } from '../support/containment.ts';
import { jobWorld } from '../support/job-world.ts';
import { USER } from '../support/rows.ts';

const MODELS = ['small', 'large-v3', 'base.en'];
let ids = 0;

function world() {
  const w = jobWorld();
  const stage = { models: MODELS, canDiarize: false, compressFiles: false, retentionDays: 0 };
  const deps = {
    ...w,
    stage,
    newUlid: () => `0000000000000000000000${String(++ids).padStart(4, '0')}`,
    maxOpenJobs: 5,
    maxAudioHours: 9,
  };
  const job = async (id: string): Promise<JobRow> => {
    const found = await w.jobs.get(id);
    if (found === undefined) throw new Error('no such job');
    return found;
  };
  const input = { filename: 'a.mp3', contentType: 'audio/mpeg', sizeBytes: 7, priority: 'normal' } as const;
  return {
    ...w,
    job,
    uploaded: async (more = {}): Promise<string> => {
      const { job_id, object_key } = await beginJob(deps, USER, { ...input, ...more }, undefined);
      w.sizes.set(object_key, 7);
      await acceptUpload(w, job_id);
      return job_id;
    },
    async transcribed(id: string, texts: readonly string[], sha256?: string): Promise<void> {
      await w.cut(
        id,
        texts.map(() => 60),
        sha256,
      );
      await advance(w, id);
      for (const [i, text] of texts.entries()) await w.transcribedPart(id, i + 1, text);
      await advance(w, id);
    },
    again: async (id: string, choice = {}) => retranscribeJob(deps, await job(id), choice),
    textOf: async (id: string) => (await w.files.readTranscript(await job(id)))?.text,
    view: async (id: string) => viewJob(await job(id), 'small', await rowsFor(w, await job(id))),
    deps,
  };
}

test('a file keeps its text until it is transcribed again, and its job stays completed [retranscribe.files]', async () => {
  const w = world();
  const id = await w.uploaded({ language: 'en' });
  await w.transcribed(id, ['one', 'two']);
  for (const row of await w.chunks.listOf(id)) w.chunks.put({ ...row, peaks: 'wave' });
  const before = await w.job(id);
  await w.again(id, { model: 'large-v3', language: null });
  expect(await w.job(id)).toMatchObject({ status: 'completed', language: 'en', open_of: USER });
  expect(await w.chunks.get(id, 0)).toMatchObject({ state: 'pending', model: 'large-v3', fence: 1000, lane: 'files' });
  expect(await w.chunks.get(id, 0)).not.toHaveProperty('language');
  expect(await w.textOf(id)).toBe('one\n\ntwo');
  await w.cut(id, [60, 60]);
  await advance(w, id);
  expect(await w.chunks.get(id, 1)).toMatchObject({ state: 'pending', peaks: 'wave' });
  await w.transcribedPart(id, 1, 'eins');
  await advance(w, id);
  expect(await w.textOf(id)).toBe('one\n\ntwo');
  expect(await w.view(id)).toMatchObject({
    status: 'completed',
    progress: 100,
    retranscribing: true,
    retranscription: { status: 'processing', progress: 60, stage: 'Transcribing chunk 2/2', model: 'large-v3' },
  });
  await w.transcribedPart(id, 2, 'zwei');
  await advance(w, id);
  expect(await w.textOf(id)).toBe('eins\n\nzwei');
  const after = await w.job(id);
  expect(after).toMatchObject({
    status: 'completed',
    model: 'large-v3',
    completed_at_ms: before.completed_at_ms,
    retranscriptions: 1,
  });
  for (const name of ['again', 'language', 'open_of']) expect(after).not.toHaveProperty(name);
  expect(await w.view(id)).toMatchObject({ retranscribing: false, retranscription: undefined, model: 'large-v3' });
});

test('repeated requests are one retranscription; other options, an unfinished job or a missing file are refused [retranscribe.files]', async () => {
  const w = world();
  const id = await w.uploaded();
  await expect(w.again(id)).rejects.toMatchObject({ code: 'not-ready' });
  await w.transcribed(id, ['one']);
  const sent = w.queue.sent.length;
  await Promise.all([w.again(id, { language: 'de' }), w.again(id, { language: 'de' })]);
  await w.again(id, { language: 'de' });
  expect(await w.job(id)).toMatchObject({ round: 1, retranscriptions: 1 });
  expect(new Set(w.queue.sent.slice(sent))).toEqual(new Set([`files ${id} 0`]));
  await expect(w.again(id, { language: 'fr' })).rejects.toMatchObject({ code: 'not-ready' });
  await expect(retryJob(w, await w.job(id))).rejects.toMatchObject({ code: 'not-failed' });
  await expect(w.again(id, { model: 'huge' })).rejects.toMatchObject({ code: 'invalid' });
  await expect(w.again(id, { model: 'base.en', language: 'de' })).rejects.toMatchObject({ code: 'invalid' });
  await w.transcribed(id, ['eins']);
  w.sizes.clear();
  await expect(w.again(id)).rejects.toMatchObject({ code: 'not-ready', message: expect.stringContaining('no longer stored') });
});

test('a retranscription that fails keeps the text and states the reason; the next one starts over [retranscribe.files]', async () => {
  const w = world();
  const id = await w.uploaded();
  await w.transcribed(id, ['one', 'two']);
  await w.again(id, { language: 'de' });
  await w.cut(id, [60, 60]);
  await advance(w, id);
  await w.failed(id, 2, 'the model cannot be loaded');
  await advance(w, id);
  expect(await w.view(id)).toMatchObject({
    status: 'completed',
    error: null,
    retranscribing: false,
    retranscription: { status: 'failed', error: 'the model cannot be loaded', language: 'de' },
  });
  expect(await w.textOf(id)).toBe('one\n\ntwo');
  expect((await w.chunks.listOf(id)).filter(({ state }) => state !== 'done')).toEqual([]);
  await w.again(id, { language: 'de' });
  await w.transcribed(id, ['eins']);
  expect(await w.textOf(id)).toBe('eins');
});

test('cancelling a retranscription keeps its job; deleting the job deletes it', async () => {
  const w = world();
  const id = await w.uploaded();
  await w.transcribed(id, ['one']);
  await w.again(id, { language: 'de' });
  await w.cut(id, [60]);
  await advance(w, id);
  expect(await cancelJob(w, await w.job(id))).toMatchObject({ status: 'completed' });
  expect(await w.job(id)).not.toHaveProperty('again');
  expect(await w.textOf(id)).toBe('one');
  expect((await w.chunks.listOf(id)).every(({ state }) => state === 'done')).toBe(true);
  await w.again(id, { language: 'de' });
  await deleteJob(w, await w.job(id));
  expect(await w.job(id)).toMatchObject({ status: 'deleted' });
  expect([await w.chunks.listOf(id), w.sizes.size]).toEqual([[], 0]);
});

test('a retranscription sends no event, because the end of the job was reported when it completed [retranscribe.files]', async () => {
  const w = world();
  const id = await w.uploaded();
  await w.transcribed(id, ['one']);
  expect(jobEndEvent(await w.job(id))).toMatchObject({ event: 'transcription.completed' });
  await w.again(id);
  expect(jobEndEvent(await w.job(id))).toBeUndefined();
  await w.transcribed(id, ['eins']);
  expect(jobEndEvent(await w.job(id))).toBeUndefined();
});

test('a retranscription without progress is resumed and finally fails, but not its job', async () => {
  const w = world();
  const id = await w.uploaded();
  await w.transcribed(id, ['one']);
  await w.again(id);
  const sent = w.queue.sent.length;
  for (let pass = 0; pass < 12; pass++) {
    w.pass(31 * 60_000);
    await processDueJobs(w, containment());
  }
  expect(w.queue.sent.length).toBeGreaterThan(sent + 5);
  expect(await w.view(id)).toMatchObject({ status: 'completed', retranscription: { status: 'failed' } });
  expect(await w.textOf(id)).toBe('one');
});

test('another file of the same content shares only the newest text with its own options [retranscribe.files]', async () => {
  const w = world();
  const [first] = [await w.uploaded({ language: 'en' })];
  await w.transcribed(first, ['one'], 'same');
  await w.again(first, { language: 'de' });
  await w.transcribed(first, ['eins'], 'same');
  const english = await w.uploaded({ language: 'en' });
  await w.cut(english, [60], 'same');
  await advance(w, english);
  expect(await w.job(english)).toMatchObject({ status: 'processing' });
  const german = await w.uploaded({ language: 'de' });
  await w.cut(german, [60], 'same');
  await advance(w, german);
  expect(await w.job(german)).toMatchObject({ status: 'completed', same_as: first });
  expect(await w.textOf(german)).toBe('eins');
  await w.again(german, { language: 'fr' });
  await w.transcribed(german, ['un'], 'same');
  expect(await w.job(german)).not.toHaveProperty('same_as');
  expect([await w.textOf(first), await w.textOf(german)]).toEqual(['eins', 'un']);
});
