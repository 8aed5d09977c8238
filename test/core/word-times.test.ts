/** Times of words in a row: each word lasts, and none overlaps the next. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { joinChunks } from '../../core/transcripts/join.ts';
import { MIN_WORD_SECONDS, withDurations } from '../../core/transcripts/word-times.ts';

const ms = fc.integer({ min: 0, max: 3000 }).map((value) => value / 1000);
const words = fc
  .array(fc.tuple(ms, fc.constantFrom(0, 0, 0.001, 0.01, 0.02, 0.3, 5)), { maxLength: 40 })
  .map((times) => times.map(([start, length]) => ({ word: ' a', start, end: start + length, probability: 1 })))
  .map((unordered) => unordered.sort((a, b) => a.start - b.start));

test('every word lasts at least 20 ms, ends before the next one starts, and starts where it did if it can [transcript.word-times]', () => {
  fc.assert(
    fc.property(words, (before) => {
      const after = withDurations(before);
      let earliest = 0;
      for (const [i, { start, end }] of after.entries()) {
        expect(end - start).toBeGreaterThan(MIN_WORD_SECONDS - 1e-6);
        expect(end).toBeLessThan((after[i + 1]?.start ?? Number.POSITIVE_INFINITY) + 1e-6);
        expect(start).toBeCloseTo(Math.max(before[i]?.start ?? 0, earliest), 6);
        earliest = start + MIN_WORD_SECONDS;
      }
      expect(withDurations(after).every((word, i) => word === after[i])).toBe(true);
    }),
  );
});

test('words without a duration in stored results get one when the chunks are joined [transcript.word-times]', () => {
  const at = (word: string, start: number, end: number) => ({ word: ` ${word}`, start, end, probability: 1 });
  const spoken = [at('one', 1, 1.4), at('two', 1.4, 1.4), at('three', 1.4, 1.4), at('four', 2, 2)];
  const segment = { id: 0, start: 1, end: 2, text: 'one two three four', words: spoken };
  const result = {
    ...{ sessionId: 's', chunkNumber: 1, language: 'en', duration_seconds: 30, model: 'm', text: segment.text },
    segments: [{ ...segment, avg_logprob: 0, no_speech_prob: 0, compression_ratio: 1 }],
  };
  const [joined] = joinChunks('s', [{ kind: 'transcribed', result }]).segments;
  expect(joined?.words.map(({ start, end }) => [start, end])).toEqual([
    [1, 1.4],
    [1.4, 1.42],
    [1.42, 1.44],
    [2, 2.02],
  ]);
  expect([joined?.start, joined?.end]).toEqual([1, 2.02]);
});
