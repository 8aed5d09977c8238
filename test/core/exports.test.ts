/** Exports in all formats: documents, times of words, and what is missing. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { examples, randomTranscript, readBack } from '../../bench/exports.ts';
import type { Format } from '../../core/contracts/formats.ts';
import { Transcript } from '../../core/contracts/transcript.ts';
import type { ChunkOutcome } from '../../core/transcripts/chunk-outcome.ts';
import { exported } from '../../core/transcripts/exports.ts';
import { joinChunks } from '../../core/transcripts/join.ts';
import { chunkTranscript, SESSION } from '../support/rows.ts';

const fixture = (name: string): string => readFileSync(join(import.meta.dirname, '../fixtures/formats', name), 'utf8');
const { title, added_at_ms: addedAtMs } = JSON.parse(fixture('about.json'));
const RECORDED = { title: 'Tuesday', recordedAtMs: Date.UTC(2026, 2, 1, 9, 30), addedAtMs };

const textAs = async (transcript: Transcript, format: Format, words?: boolean, about: object = RECORDED): Promise<string> =>
  String(await exported(transcript, { title, addedAtMs, ...about }, { format, marks: true, words }));

const transcribed = (n: number): ChunkOutcome => ({ kind: 'transcribed', result: chunkTranscript(n, 30, 2) });
const NEVER_SENT: ChunkOutcome = { kind: 'missing' };
const FIVE = joinChunks(SESSION, [transcribed(1), transcribed(2), NEVER_SENT, transcribed(4), transcribed(5)]);
const MOSTLY_MISSING = joinChunks(SESSION, [transcribed(1), NEVER_SENT, NEVER_SENT]);

test.each(['transcript', 'subtitles'])(
  '%s: Markdown and WebVTT with times of words equal the shared examples, which the service reads as well [transcript.formats]',
  async (name) => {
    const transcript = Transcript.parse(JSON.parse(fixture(`${name}.json`)));
    expect(await textAs(transcript, 'md', undefined, {})).toBe(fixture(`${name}.md`));
    expect(await textAs(transcript, 'vtt', true)).toBe(fixture(`${name}.words.vtt`));
  },
);

test('other software reads the same text, times, styles and marks from all formats [transcript.formats]', async () => {
  let state = 7;
  const random = (): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const transcripts = [...examples(), FIVE, MOSTLY_MISSING, ...Array.from({ length: 4 }, () => randomTranscript(random))];
  const rows = await readBack(transcripts, ['python-docx', 'webvtt-py', 'srt', 'markdown-it-py']);
  expect(rows.map(({ format, reader, files, different }) => [format, reader, files, different])).toEqual([
    ['srt', 'srt', 8, []],
    ['srt', 'webvtt-py', 8, []],
    ['vtt', 'webvtt-py', 8, []],
    ['words.vtt', 'webvtt-py', 8, []],
    ['md', 'markdown-it-py', 8, []],
    ['docx', 'python-docx', 8, []],
  ]);
});

test('words=false leaves the words out of json, and nothing else', async () => {
  const [first] = examples();
  if (first === undefined) throw new Error('there is no example');
  const without = { ...first, segments: first.segments.map((segment) => ({ ...segment, words: [] })) };
  expect(Transcript.parse(JSON.parse(await textAs(first, 'json', false)))).toEqual(without);
  expect(Transcript.parse(JSON.parse(await textAs(first, 'json')))).toEqual(first);
});

test('of five chunks, the third was never sent: every format says so [transcript.marks]', async () => {
  expect(FIVE).toMatchObject({ status: 'partial', duration_seconds: 150 });
  expect(JSON.parse(await textAs(FIVE, 'json'))).toMatchObject({
    text: 'w1-0 w1-1 w2-0 w2-1 w4-0 w4-1 w5-0 w5-1',
    gaps: [{ chunkNumber: 3, start: 60, end: 90, reason: expect.stringMatching(/never/) }],
  });
  expect(await textAs(FIVE, 'txt')).toBe('w1-0 w1-1\n\nw2-0 w2-1\n\n[missing 1:00-1:30]\n\nw4-0 w4-1\n\nw5-0 w5-1\n');
  const cues = [
    ['00:00:00.000', '00:00:01.500', 'w1-0 w1-1'],
    ['00:00:30.000', '00:00:31.500', 'w2-0 w2-1'],
    ['00:01:00.000', '00:01:30.000', '[missing 1:00-1:30]'],
    ['00:01:30.000', '00:01:31.500', 'w4-0 w4-1'],
    ['00:02:00.000', '00:02:01.500', 'w5-0 w5-1'],
  ] as const;
  const blocks = cues.map(([start, end, text]) => `${start} --> ${end}\n${text}\n`);
  expect(await textAs(FIVE, 'vtt')).toBe(['WEBVTT\n', ...blocks].join('\n'));
  const numbered = blocks.map((block, i) => `${i + 1}\n${block.replaceAll('.', ',')}`);
  expect(await textAs(FIVE, 'srt')).toBe(numbered.join('\n'));
  expect(await textAs(FIVE, 'md')).toBe(
    [
      '# Tuesday',
      'Recorded 2026-03-01 09:30 UTC, length 2:30',
      ...['0:00 w1-0 w1-1', '0:30 w2-0 w2-1', '*[missing 1:00-1:30]*', '1:30 w4-0 w4-1', '2:00 w5-0 w5-1\n'],
    ].join('\n\n'),
  );
});

test('where more than half is missing, documents say so before all other text [transcript.marks]', async () => {
  const [, , first, second] = (await textAs(MOSTLY_MISSING, 'md')).split('\n\n');
  expect([first, second]).toEqual(['*[more than half of this recording is missing: 1:00 of 1:30]*', '0:00 w1-0 w1-1']);
});
