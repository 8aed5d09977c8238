import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Transcript } from '../../core/contracts/transcript.ts';
import type { ChunkOutcome } from '../../core/transcripts/chunk-outcome.ts';
import { joinChunks } from '../../core/transcripts/join.ts';
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

test('a missing or failed chunk makes the transcript partial and is listed with its time range [recording.gaps]', () => {
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

test('coverage lists each second once, and times never decrease', () => {
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

test('a missing chunk counts as 30 s, a decoded one as its real length [recording.gaps]', () => {
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

test('a chunk without speech is silence, not a gap', () => {
  const joined = joinChunks(SESSION, [{ kind: 'transcribed', result: chunkTranscript(1, 30, 0) }]);
  expect(joined.status).toBe('completed');
  expect(joined.coverage).toEqual([{ start: 0, end: 30, kind: 'silence' }]);
});

test('a session without chunks has an empty transcript', () => {
  expect(joinChunks(SESSION, [])).toMatchObject({ status: 'completed', text: '', duration_seconds: 0, language: 'und' });
});

const inLanguage = (chunkNumber: number, language: string, words: number): ChunkOutcome => ({
  kind: 'transcribed',
  result: { ...chunkTranscript(chunkNumber, 30, words), language },
});

test('the language is that of most words, not that of the first chunk; without words it is und [transcript.language]', () => {
  const language = (...chunks: ChunkOutcome[]): string => joinChunks(SESSION, chunks).language;
  expect(language(inLanguage(1, 'und', 0), inLanguage(2, 'de', 3))).toBe('de');
  expect(language(inLanguage(1, 'en', 2), inLanguage(2, 'de', 3), inLanguage(3, 'en', 2))).toBe('en');
  expect(language(inLanguage(1, 'en', 0))).toBe('und');
});

test('segments keep their languages, which override that of their chunk [transcript.language]', () => {
  const bilingual = chunkTranscript(1, 30, 5);
  const segments = bilingual.segments.map((segment) => ({ ...segment, language: 'fr' }));
  const joined = joinChunks(SESSION, [{ kind: 'transcribed', result: { ...bilingual, segments } }, inLanguage(2, 'en', 3)]);
  expect(joined.language).toBe('fr');
  expect(joined.segments.map((segment) => segment.language)).toEqual(['fr', undefined]);
});

test('Chinese chunks are joined without a space [transcript.unspaced]', () => {
  const chinese = (chunkNumber: number, text: string): ChunkOutcome => {
    const result = chunkTranscript(chunkNumber, 30, 1);
    return { kind: 'transcribed', result: { ...result, segments: result.segments.map((segment) => ({ ...segment, text })) } };
  };
  expect(joinChunks(SESSION, [chinese(1, '你好。'), chinese(2, '我们开始。')]).text).toBe('你好。我们开始。');
});

test('speech without words is listed as failed, also in a chunk without any words [transcript.unheard]', () => {
  const unheard = [{ start: 10, end: 12 }];
  const coverage = (words: number) =>
    joinChunks(SESSION, [{ kind: 'transcribed', result: { ...chunkTranscript(1, 30, words), unheard } }]).coverage;
  expect(coverage(3).map(({ kind }) => kind)).toEqual(['transcribed', 'failed', 'transcribed']);
  expect(coverage(0).map(({ kind }) => kind)).toEqual(['silence', 'failed', 'silence']);
});

test('stretches without a signal continue over the boundaries of chunks; shorter ones than 10 s are not listed [transcript.no-signal]', () => {
  const chunk = (n: number, noSignal: [number, number][], overlapSeconds = 0): ChunkOutcome => {
    const no_signal = noSignal.map(([start, end]) => ({ start, end }));
    return { kind: 'transcribed', result: { ...chunkTranscript(n, 30, 0), no_signal }, overlapSeconds };
  };
  const listed = (...chunks: ChunkOutcome[]) => joinChunks(SESSION, chunks).no_signal?.map(({ start, end }) => [start, end]);
  expect(listed(chunk(1, [[0, 9.9]]), chunk(2, []))).toBeUndefined();
  expect(
    listed(
      chunk(1, [
        [5, 14.9],
        [24.5, 30],
      ]),
      chunk(2, [[0, 30]]),
      chunk(3, [
        [0, 5.2],
        [12, 25],
      ]),
    ),
  ).toEqual([
    [24.5, 65.2],
    [72, 85],
  ]);
  expect(listed(chunk(1, [[20, 30]]), chunk(2, [[0, 12]], 2.5))).toEqual([[20, 39.5]]);
  expect(listed(chunk(1, [[20, 30]]), { kind: 'missing' }, chunk(3, [[0, 10]]))).toEqual([
    [20, 30],
    [60, 70],
  ]);
});

test('text without word times, as older systems wrote it, is kept when the next chunk has a lead-in', () => {
  const old = chunkTranscript(1, 30, 3);
  const withoutTimes = { ...old, segments: old.segments.map((segment) => ({ ...segment, words: [] })) };
  const words = [{ word: ' word', start: -1, end: -0.5, probability: 0.9 }];
  const next = { ...chunkTranscript(2, 30, 3), lead_in: { seconds: 3, etag: 'etag-1', words } };
  const joined = joinChunks(SESSION, [
    { kind: 'transcribed', result: withoutTimes },
    { kind: 'transcribed', result: next },
  ]);
  expect(joined.text).toBe(`${old.text} ${next.text}`);
});
