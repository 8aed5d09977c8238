import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Transcript } from '../../core/contracts/transcript.ts';
import { cuesOf } from '../../core/transcripts/cues.ts';
import { render, timestamp } from '../../core/transcripts/formats.ts';

const fixture = (name: string): string => readFileSync(join(import.meta.dirname, '../fixtures/formats', name), 'utf8');
const transcript = Transcript.parse(JSON.parse(fixture('transcript.json')));

test.each(
  ['transcript', 'subtitles'].flatMap((name) => (['txt', 'srt', 'vtt'] as const).map((format) => [name, format] as const)),
)('%s.%s equals the shared example (gpu-worker/tests reads it with another parser) [transcript.formats]', (name, format) => {
  expect(render(Transcript.parse(JSON.parse(fixture(`${name}.json`))), format)).toBe(fixture(`${name}.${format}`));
});

test('json is the transcript itself', () => {
  expect(Transcript.parse(JSON.parse(render(transcript, 'json')))).toEqual(transcript);
});

test('a timestamp is exact to the millisecond', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 400 * 3600 * 1000 }), (ms) => {
      const [, h, m, s, rest] = /^(\d{2,}):(\d\d):(\d\d),(\d{3})$/.exec(timestamp(ms / 1000, ',')) ?? [];
      expect(Number(h) * 3_600_000 + Number(m) * 60_000 + Number(s) * 1000 + Number(rest)).toBe(ms);
    }),
    { numRuns: 500 },
  );
});

test('no text can end a cue early, look like times, or become markup', () => {
  const [first] = transcript.segments;
  if (first === undefined) throw new Error('the example has no segment');
  fc.assert(
    fc.property(fc.string(), (text) => {
      const one = { ...transcript, text, segments: [{ ...first, text }] };
      for (const cue of [render(one, 'srt'), render(one, 'vtt').slice('WEBVTT\n'.length)]) {
        expect(cue.split('-->').length).toBeLessThanOrEqual(2);
        expect(cue.trim()).not.toMatch(/\n\s*\n/);
      }
      expect(render(one, 'vtt')).not.toMatch(/</);
    }),
    { numRuns: 500 },
  );
});

const segmentAt = (start: number, text: string, speaker?: string): Transcript['segments'][number] => ({
  ...{ id: 0, start, end: start + 2, text, words: [], avg_logprob: 0, no_speech_prob: 0, compression_ratio: 1 },
  ...(speaker !== undefined && { speaker }),
});
/** Five chunks of 30 s: the third never arrived, the fourth failed; five seconds of the fifth have no words. */
const WITH_GAPS: Transcript = {
  ...{ sessionId: 's', status: 'partial', language: 'en', duration_seconds: 150, model: 'm', final: true, chunks: [] },
  text: 'before after at the end',
  segments: [segmentAt(55, 'before'), segmentAt(121, 'after'), segmentAt(140, 'at the end')],
  gaps: [
    { chunkNumber: 3, start: 60, end: 90, reason: 'never uploaded' },
    { chunkNumber: 4, start: 90, end: 120, reason: 'unsupported-media' },
  ],
  coverage: [
    { start: 0, end: 60, kind: 'transcribed' },
    { start: 60, end: 90, kind: 'missing' },
    { start: 90, end: 120, kind: 'failed' },
    { start: 120, end: 130, kind: 'transcribed' },
    { start: 130, end: 135, kind: 'failed' },
    { start: 135, end: 136, kind: 'transcribed' },
    { start: 136, end: 137.5, kind: 'failed' },
    { start: 137.5, end: 150, kind: 'transcribed' },
  ],
};

test('txt, srt and vtt say what is missing, and where speech has no words for two seconds [transcript.marks]', () => {
  expect(render(WITH_GAPS, 'txt')).toBe('before\n\n[missing 1:00-2:00]\n\nafter\n\n[unheard 2:10-2:15]\n\nat the end\n');
  expect(render(WITH_GAPS, 'srt')).toContain('2\n00:01:00,000 --> 00:02:00,000\n[missing 1:00-2:00]\n\n3\n');
  expect(render(WITH_GAPS, 'vtt')).toContain('00:02:10.000 --> 00:02:15.000\n[unheard 2:10-2:15]\n');
  expect(Transcript.parse(JSON.parse(render(WITH_GAPS, 'json'))).text).toBe('before after at the end');
});

test('texts say where there was no signal, and where speech has no words beside a failed chunk [transcript.no-signal]', () => {
  const failed = { chunkNumber: 3, start: 60, end: 90, reason: 'unsupported-media' };
  const coverage = [{ start: 60, end: 95, kind: 'failed' as const }];
  const marked = { ...WITH_GAPS, gaps: [failed], coverage, no_signal: [{ start: 10, end: 50.4 }] };
  const paragraphs = ['[no signal 0:10-0:50]', 'before', '[missing 1:00-1:30]', '[unheard 1:30-1:35]', 'after'];
  expect(render(marked, 'txt').split('\n\n').slice(0, 5)).toEqual(paragraphs);
  expect(render(marked, 'vtt')).toContain('00:00:10.000 --> 00:00:50.400\n[no signal 0:10-0:50]\n');
});

test('without marks nothing says what is missing [transcript.marks]', () => {
  expect(render(WITH_GAPS, 'txt', { marks: false })).toBe('before\n\nafter\n\nat the end\n');
  for (const format of ['srt', 'vtt'] as const) expect(render(WITH_GAPS, format, { marks: false })).not.toContain('[');
});

test('where more than half is missing, this is said first [transcript.marks]', () => {
  const mostly = { ...WITH_GAPS, gaps: [{ chunkNumber: 1, start: 0, end: 90, reason: 'never uploaded' }], coverage: [] };
  const first = '[more than half of this recording is missing: 1:30 of 2:30]';
  expect(render(mostly, 'txt').split('\n\n').slice(0, 2)).toEqual([first, '[missing 0:00-1:30]']);
  expect(render(mostly, 'srt')).toMatch(/^1\n00:00:00,000 --> 00:00:03,000\n\[more than half/);
  expect(
    render(
      { ...mostly, duration_seconds: 7200, gaps: [{ ...mostly.gaps[0], chunkNumber: 1, start: 0, end: 3700, reason: 'x' }] },
      'vtt',
    ),
  ).toContain('missing: 1:01:40 of 2:00:00]');
});

test('speakers are named in every format [transcript.marks]', () => {
  const segments = [segmentAt(1, 'Hello.', 'S1'), segmentAt(4, 'How are you?', 'S1'), segmentAt(8, 'Fine.', 'S2')];
  const two = { ...WITH_GAPS, segments, gaps: [], coverage: [] };
  expect(render(two, 'txt')).toBe('S1: Hello. How are you?\n\nS2: Fine.\n');
  expect(render(two, 'srt')).toMatch(/S1: Hello\.[\s\S]*\nHow are you\?[\s\S]*\nS2: Fine\./);
  expect(render(two, 'vtt')).toContain('\n<v S1>How are you?\n');
});

const words = fc.array(
  fc.record({
    text: fc.stringMatching(/^[a-z]{1,14}[.,?]?$/),
    pause: fc.constantFrom(0, 0, 0, 0, 0.1, 0.4, 1.5),
    seconds: fc.double({ min: 0.05, max: 0.6, noNaN: true }),
  }),
  { minLength: 1, maxLength: 120 },
);

test('subtitles have all words once and in order, in at most two lines of 42 characters, and no cue overlaps the next [transcript.subtitles]', () => {
  fc.assert(
    fc.property(words, fc.nat(20), (spoken, perSegment) => {
      let at = 0;
      const timed = spoken.map(({ text, pause, seconds }) => {
        const start = at + pause;
        at = start + seconds;
        return { word: ` ${text}`, start, end: at, probability: 1 };
      });
      const segments = [];
      for (let i = 0; i < timed.length; i += perSegment + 1) {
        const own = timed.slice(i, i + perSegment + 1);
        const text = own
          .map(({ word }) => word)
          .join('')
          .trim();
        segments.push({ ...segmentAt(own[0]?.start ?? 0, text), end: own.at(-1)?.end ?? 0, words: own });
      }
      const cues = cuesOf(segments, false);
      expect(cues.flatMap(({ lines }) => lines).join(' ')).toBe(
        timed
          .map(({ word }) => word)
          .join('')
          .trim(),
      );
      for (const [i, { start, end, lines }] of cues.entries()) {
        expect(lines.length).toBeLessThanOrEqual(2);
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(42);
        expect(end).toBeGreaterThanOrEqual(start);
        expect(end).toBeLessThanOrEqual((cues[i + 1]?.start ?? Number.POSITIVE_INFINITY) + 1e-9);
      }
      const starts = new Set(timed.map(({ start }) => start));
      expect(cues.every(({ start }) => starts.has(start))).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test('a short cue stays for 0.83 s if nothing else is said, and joins its neighbour if something is [transcript.subtitles]', () => {
  const word = (text: string, start: number, end: number) => ({ word: ` ${text}`, start, end, probability: 1 });
  const said = (text: string, start: number, end: number) => ({
    ...segmentAt(start, text),
    end,
    words: [word(text, start, end)],
  });
  expect(cuesOf([said('Yes.', 1, 1.2)], false)).toMatchObject([{ start: 1, end: 1.83, lines: ['Yes.'] }]);
  expect(cuesOf([said('Yes.', 1, 1.2), said('No.', 1.3, 1.5)], false)).toMatchObject([{ lines: ['Yes. No.'] }]);
  expect(cuesOf([said('Yes.', 1, 1.2), said('Later.', 9, 9.9)], false)).toHaveLength(2);
});
