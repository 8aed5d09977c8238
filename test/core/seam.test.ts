import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ChunkTranscript, Segment } from '../../core/contracts/transcript.ts';
import { type ChunkOutcome, joinChunks } from '../../core/transcripts/join.ts';
import { chunkTranscript, SESSION } from '../support/rows.ts';

type Word = Segment['words'][number];
const VOCABULARY = ['no', 'yes', 'alpha', 'bravo', 'the'];

/** Speech with its true times: each word and the pause before it, in hundredths of a second. */
const speech = fc
  .array(fc.tuple(fc.constantFrom(...VOCABULARY), fc.integer({ min: 10, max: 70 }), fc.integer({ min: 1, max: 40 })), {
    minLength: 1,
    maxLength: 60,
  })
  .map((parts) => {
    let at = 0;
    return parts.map(([word, length, pause]): Word => {
      const start = at + pause;
      at = start + length;
      return { word: ` ${word}`, start: start / 100, end: at / 100, probability: 0.9 };
    });
  });

/** What a chunk that holds [from, to) makes of the words; one that is cut sounds otherwise, and does not count when little of it is left. */
function heard(words: readonly Word[], from: number, to: number): Word[] {
  return words.flatMap((word) => {
    const [start, end] = [Math.max(word.start, from), Math.min(word.end, to)];
    if (end - start < 0.06) return [];
    const isCut = start > word.start || end < word.end;
    return [{ ...word, word: isCut ? `${word.word}x` : word.word, start: start - from, end: end - from }];
  });
}

function chunkOf(n: number, words: Word[], seconds: number): ChunkTranscript {
  const text = words
    .map(({ word }) => word)
    .join('')
    .trim();
  const base = chunkTranscript(n, seconds, 1);
  const [segment] = base.segments;
  if (segment === undefined) throw new Error('a word makes a segment');
  const [start, end] = [words[0]?.start ?? 0, words.at(-1)?.end ?? 0];
  return { ...base, text, segments: words.length === 0 ? [] : [{ ...segment, start, end, text, words }] };
}

/** The speech in chunks that each begin `overlap` before the one before them ends. */
function recorded(words: readonly Word[], seconds: number, overlap: number): ChunkOutcome[] {
  const outcomes: ChunkOutcome[] = [];
  const last = (words.at(-1)?.end ?? 0) + 1;
  for (let from = 0; from < last; from += seconds - overlap)
    outcomes.push({
      kind: 'transcribed',
      result: chunkOf(outcomes.length + 1, heard(words, from, from + seconds), seconds),
      overlapSeconds: outcomes.length === 0 ? undefined : overlap,
    });
  return outcomes;
}

const wordsOf = (outcomes: ChunkOutcome[]): Word[] => joinChunks(SESSION, outcomes).segments.flatMap(({ words }) => words);

test('chunks that overlap by more than a word give every word once and whole', () => {
  fc.assert(
    fc.property(speech, fc.integer({ min: 75, max: 200 }), (words, overlap) => {
      const joined = wordsOf(recorded(words, 5, overlap / 100));
      expect(joined.map(({ word }) => word)).toEqual(words.map(({ word }) => word));
    }),
    { numRuns: 1000 },
  );
});

test('chunks that overlap by less than a word lose none and double none; a word that neither holds whole is there once', () => {
  fc.assert(
    fc.property(speech, fc.integer({ min: 15, max: 74 }), (words, overlap) => {
      const joined = wordsOf(recorded(words, 5, overlap / 100));
      expect(joined.map(({ word }) => word.replace(/x$/, ''))).toEqual(words.map(({ word }) => word));
    }),
    { numRuns: 1000 },
  );
});

test('no time goes backwards, coverage names every second once, and the text is that of the segments', () => {
  fc.assert(
    fc.property(speech, fc.integer({ min: 0, max: 300 }), (words, overlap) => {
      const { segments, coverage, duration_seconds, text } = joinChunks(SESSION, recorded(words, 5, overlap / 100));
      const times = segments.flatMap((segment) => segment.words.map(({ start }) => start));
      expect(times).toEqual([...times].sort((a, b) => a - b));
      expect(coverage.map(({ start }) => start)).toEqual(coverage.map((_, i) => coverage[i - 1]?.end ?? 0));
      expect(coverage.at(-1)?.end).toBe(duration_seconds);
      expect(text).toBe(segments.map((segment) => segment.text).join(' '));
    }),
    { numRuns: 500 },
  );
});

test('a word that both heard differently is kept from the one that is surer, a cut one goes', () => {
  const word = (text: string, start: number, end: number, probability = 0.9): Word => ({
    word: ` ${text}`,
    start,
    end,
    probability,
  });
  const join = (a: Word[], b: Word[]): string =>
    joinChunks(SESSION, [
      { kind: 'transcribed', result: chunkOf(1, a, 10) },
      { kind: 'transcribed', result: chunkOf(2, b, 10), overlapSeconds: 1 },
    ]).text;
  expect(join([word('fifty', 9.2, 9.7, 0.4)], [word('50', 0.2, 0.7, 0.8)])).toBe('50');
  expect(join([word('fifty', 9.2, 9.7, 0.8)], [word('50', 0.2, 0.7, 0.4)])).toBe('fifty');
  expect(join([word('mon', 9.6, 10)], [word('monday', 0.6, 1.3, 0.2)])).toBe('monday');
  expect(join([word('no', 8.6, 8.9), word('no', 9.2, 9.5)], [word('no', 0.2, 0.5), word('no', 0.8, 1.1)])).toBe('no no no');
});
