/** Options of files: when they were recorded, separate channels; and what could not be decoded. */
import { expect, test } from 'vitest';
import { advance } from '../../core/file-jobs/advance.ts';
import { jobWorld } from '../support/job-world.ts';
import { job, uploaded, view } from '../support/uploaded-file.ts';

test.each([
  [
    'what the client says',
    { recordedAt: '2026-01-02T03:04:05Z', modifiedAt: '2026-05-05T05:05:05Z' },
    '2026-02-02T02:02:02.000000Z',
    '2026-01-02T03:04:05.000Z',
  ],
  ['what the file tells', { modifiedAt: '2026-05-05T05:05:05Z' }, '2026-02-02 02:02:02+00:00', '2026-02-02T02:02:02.000Z'],
  ['the date of the file', { modifiedAt: '2026-05-05T05:05:05Z' }, undefined, '2026-05-05T05:05:05.000Z'],
  [
    'the date of the file, because a clock was never set',
    { modifiedAt: '2026-05-05T05:05:05Z' },
    '1904-01-01T00:00:00Z',
    '2026-05-05T05:05:05.000Z',
  ],
  ['the date of the file, because a year is no time', { modifiedAt: '2026-05-05T05:05:05Z' }, '2019', '2026-05-05T05:05:05.000Z'],
  ['nothing', {}, undefined, undefined],
])('the time of a recording is %s [media.clock]', async (_what, declared, told, recordedAt) => {
  const w = jobWorld();
  const id = await uploaded(w, declared);
  await w.cut(id, [10], 'x', told === undefined ? {} : { recorded_at: told });
  await advance(w, id);
  expect((await view(w, id)).recordedAt).toBe(recordedAt);
});

test('separate channels reach the rows, are no shared content of mixed ones, and the file is not compressed to one channel [media.channels]', async () => {
  const w = jobWorld();
  const ids = [await uploaded(w, { contentType: 'audio/wav' }, 'wav'), await uploaded(w, { channels: 'separate' }, 'wav')];
  for (const id of ids) {
    await w.cut(id, [10], 'same');
    await advance(w, id);
  }
  const rows = await Promise.all(ids.map((id) => w.chunks.listOf(id)));
  expect(rows.map((of) => of.map(({ channels }) => channels))).toEqual([
    [undefined, undefined],
    ['separate', 'separate'],
  ]);
  expect(rows.map(([source]) => source?.compress)).toEqual([true, undefined]);
});

test('what could not be decoded of a file is a gap of its transcript [media.damage]', async () => {
  const w = jobWorld();
  const id = await uploaded(w);
  await w.cut(id, [300, 60], 'x', {}, { 2: [{ start: 5, end: 9 }] });
  await advance(w, id);
  await w.transcribedPart(id, 1, 'one');
  await w.transcribedPart(id, 2, 'two');
  await advance(w, id);
  expect((await w.files.readTranscript(await job(w, id)))?.gaps).toEqual([
    { chunkNumber: 2, start: 305, end: 309, reason: 'the recording is damaged' },
  ]);
});
