import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Transcript } from '../../core/contracts/transcript.ts';
import { type ChunkOutcome, joinChunks } from '../../core/transcripts/join.ts';
import { chunkTranscript, SESSION } from '../support/rows.ts';

const outcome: fc.Arbitrary<(chunkNumber: number) => ChunkOutcome> = fc.oneof(
  fc.tuple(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 0, max: 5 })).map(
    ([seconds, words]) =>
      (n: number): ChunkOutcome => ({ kind: 'transcribed', result: chunkTranscript(n, seconds, Math.min(words, seconds)) }),
  ),
  fc.constant((): ChunkOutcome => ({ kind: 'failed', reason: 'unsupported-media' })),
  fc.constant((): ChunkOutcome => ({ kind: 'missing' })),
);
const outcomes = fc.array(outcome, { maxLength: 30 }).map((makers) => makers.map((make, i) => make(i + 1)));

test('a transcript has the texts of its chunks in order, each once', () => {
  fc.assert(
    fc.property(outcomes, (chunks) => {
      const joined = joinChunks(SESSION, chunks);
      const texts = chunks.flatMap((chunk) =>
        chunk.kind === 'transcribed' && chunk.result.text !== '' ? [chunk.result.text] : [],
      );
      expect(joined.text).toBe(texts.join(' '));
      expect(
        joined.segments
          .flatMap((s) => s.words.map((w) => w.word))
          .join('')
          .trim(),
      ).toBe(texts.join(' '));
      expect(joined.segments.map((s) => s.id)).toEqual(joined.segments.map((_, i) => i));
      expect(Transcript.parse(joined)).toEqual(joined);
    }),
    { numRuns: 500 },
  );
});

test('any hole makes it partial, and is listed with its place in time', () => {
  fc.assert(
    fc.property(outcomes, (chunks) => {
      const joined = joinChunks(SESSION, chunks);
      const holes = chunks.flatMap((chunk, i) => (chunk.kind === 'transcribed' ? [] : [i + 1]));
      expect(joined.gaps.map((gap) => gap.chunkNumber)).toEqual(holes);
      expect(joined.status).toBe(holes.length === 0 ? 'completed' : 'partial');
    }),
    { numRuns: 500 },
  );
});

test('coverage names every second once, and no time goes backwards', () => {
  fc.assert(
    fc.property(outcomes, (chunks) => {
      const { coverage, duration_seconds, segments, chunks: places } = joinChunks(SESSION, chunks);
      expect(coverage.reduce((sum, { start, end }) => sum + end - start, 0)).toBeCloseTo(duration_seconds, 3);
      for (const intervals of [coverage, places]) {
        expect(intervals.map(({ start }) => start)).toEqual(intervals.map((_, i) => intervals[i - 1]?.end ?? 0));
      }
      const starts = segments.flatMap((s) => s.words.map((w) => w.start));
      expect(starts).toEqual([...starts].sort((a, b) => a - b));
    }),
    { numRuns: 500 },
  );
});

test('a missing chunk takes 30 s, a decoded one its real length', () => {
  const joined = joinChunks(SESSION, [
    { kind: 'transcribed', result: chunkTranscript(1, 12.5) },
    { kind: 'missing' },
    { kind: 'transcribed', result: chunkTranscript(3, 30) },
  ]);
  expect(joined.chunks.map(({ start, end }) => [start, end])).toEqual([
    [0, 12.5],
    [12.5, 42.5],
    [42.5, 72.5],
  ]);
  expect(joined.gaps).toEqual([{ chunkNumber: 2, start: 12.5, end: 42.5, reason: 'never uploaded' }]);
  expect(joined.segments.at(-1)?.words[0]?.start).toBe(42.5);
});

test('a chunk in which nobody speaks is silence, not a hole', () => {
  const joined = joinChunks(SESSION, [{ kind: 'transcribed', result: chunkTranscript(1, 30, 0) }]);
  expect(joined.status).toBe('completed');
  expect(joined.coverage).toEqual([{ start: 0, end: 30, kind: 'silence' }]);
});

test('a session without chunks is an empty transcript', () => {
  expect(joinChunks(SESSION, [])).toMatchObject({ status: 'completed', text: '', duration_seconds: 0, language: 'und' });
});
