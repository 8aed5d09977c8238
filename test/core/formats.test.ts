import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CONTENT_TYPES } from '../../core/contracts/formats.ts';
import { Transcript } from '../../core/contracts/transcript.ts';
import { render, timestamp, toSrt, toVtt } from '../../core/transcripts/formats.ts';

const fixture = (name: string): string => readFileSync(join(import.meta.dirname, '../fixtures/formats', name), 'utf8');
const transcript = Transcript.parse(JSON.parse(fixture('transcript.json')));

const FORMATS = Object.keys(CONTENT_TYPES) as (keyof typeof CONTENT_TYPES)[];

test.each(FORMATS.filter((format) => format !== 'json'))(
  '%s equals the shared example (gpu-worker/tests reads it with another parser) [transcript.formats]',
  (format) => {
    expect(render(transcript, format)).toBe(fixture(`transcript.${format}`));
  },
);

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
      const one = { text, segments: [{ ...first, text }] };
      for (const cue of [toSrt(one), toVtt(one).slice('WEBVTT\n'.length)]) {
        expect(cue.split('-->').length).toBeLessThanOrEqual(2);
        expect(cue.trim()).not.toMatch(/\n\s*\n/);
      }
      expect(toVtt(one)).not.toMatch(/</);
    }),
    { numRuns: 500 },
  );
});
