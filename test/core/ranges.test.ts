import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ChunkOutcome } from '../../core/transcripts/chunk-outcome.ts';
import { joinChunks } from '../../core/transcripts/join.ts';
import { textOfRange } from '../../core/transcripts/ranges.ts';
import { chunkTranscript, SESSION } from '../support/rows.ts';

const three: ChunkOutcome[] = [1, 2, 3].map((n) => ({ kind: 'transcribed', result: chunkTranscript(n, 30, 30) }));
const whole = joinChunks(SESSION, three);
const holed = joinChunks(
  SESSION,
  three.map((chunk, i) => (i === 1 ? { kind: 'missing' } : chunk)),
);

test('adjacent ranges divide the words: each word is in exactly one range [transcript.ranges]', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 899 }), (tenths) => {
      const at = tenths / 10;
      const [before, after] = [textOfRange(whole, 0, at), textOfRange(whole, at, 90)];
      const words = [before.text, after.text].filter((text) => text !== '').join(' ');
      expect(words).toBe(whole.text);
    }),
    { numRuns: 500 },
  );
});

test('coverage is between 0 and 1, and counts only seconds whose chunk is cached [transcript.ranges]', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 200, noNaN: true }),
      fc.double({ min: 0.01, max: 200, noNaN: true }),
      (start, length) => {
        const { coverage, text } = textOfRange(holed, start, start + length);
        expect(coverage).toBeGreaterThanOrEqual(0);
        expect(coverage).toBeLessThanOrEqual(1);
        expect(text === null).toBe(coverage < 0.8);
      },
    ),
    { numRuns: 500 },
  );
  expect(textOfRange(holed, 0, 60)).toEqual({ text: null, coverage: 0.5, source: 'none' });
  expect(textOfRange(holed, 30, 60).coverage).toBe(0);
});

test('only words inside the range are returned, not the whole chunk', () => {
  expect(textOfRange(whole, 31, 33)).toEqual({ text: 'w2-1 w2-2', coverage: 1, source: 'cache' });
});

test.each([
  [5, 5],
  [5, 4],
  [-1, 4],
  [Number.NaN, 4],
])('the range %d to %d is refused', (start, end) => {
  expect(() => textOfRange(whole, start, end)).toThrow('the range must end after it starts');
});
