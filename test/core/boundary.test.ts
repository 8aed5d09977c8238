/** Where two chunks meet, each word appears once and whole, whatever audio they share and however their texts differ. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as z from 'zod';
import type { Word } from '../../core/transcripts/alignment.ts';
import { joinWords } from '../../core/transcripts/boundary.ts';
import type { ChunkOutcome } from '../../core/transcripts/chunk-outcome.ts';
import { joinChunks } from '../../core/transcripts/join.ts';
import { joinSegments } from '../../core/transcripts/regroup.ts';
import { joinTexts, textOf } from '../../core/transcripts/spacing.ts';
import { chunkTranscript, SESSION } from '../support/rows.ts';
import { decodes, EXACT, recorded, speech } from '../support/speech.ts';

const Row = z
  .tuple([z.string(), z.number(), z.number(), z.number()])
  .transform(([word, start, end, probability]): Word => ({ word, start, end, probability }));
const Part = z.object({ language: z.string(), words: z.array(Row) }).transform(({ language, words }) => ({
  ...{ id: 0, avg_logprob: -0.2, no_speech_prob: 0, compression_ratio: 1, language, words, text: textOf(words) },
  ...{ start: words[0]?.start ?? 0, end: words.at(-1)?.end ?? 0 },
}));
const Audio = { title: z.string(), start: z.number(), end: z.number() };
const Examples = z.object({
  words: z.array(z.object({ ...Audio, before: z.array(Row), after: z.array(Row), joined: z.unknown() })),
  segments: z.array(
    z.object({ ...Audio, lead_in: z.array(Row), before: z.array(Part), after: z.array(Part), joined: z.unknown() }),
  ),
  texts: z.array(z.object({ texts: z.array(z.string()), joined: z.string() })),
});
const EXAMPLES = join(import.meta.dirname, '../fixtures/contracts/boundaries.json');
const examples = Examples.parse(JSON.parse(readFileSync(EXAMPLES, 'utf8')));

test.each(examples.words)(
  '$title (gpu-worker/tests/test_joining.py reads it too) [boundary.reads-as-one, boundary.languages-agree]',
  ({ start, end, before, after, joined }) => {
    const words = joinWords(before, after, { start, end }).map(({ word }) => [word.word, word.start, word.end]);
    expect(words).toEqual(joined);
  },
);

test.each(examples.segments)('$title [boundary.reads-as-one]', ({ start, end, lead_in, before, after, joined }) => {
  const segments = joinSegments(before, after, { start, leadIn: lead_in }, end);
  expect(segments.map((one) => [one.start, one.end, one.text, one.language])).toEqual(joined);
  for (const { text, words } of segments) expect(text).toBe(textOf(words));
});

test.each(examples.texts)('texts joined: $joined [transcript.unspaced]', ({ texts, joined }) => {
  expect(joinTexts(texts)).toBe(joined);
});

const letters = (word: string): string => word.toLowerCase().replace(/[^a-z]/g, '');
const wordsOf = (outcomes: ChunkOutcome[]): string[] =>
  joinChunks(SESSION, outcomes).segments.flatMap(({ words }) => words.map(({ word }) => letters(word)));
const spoken = (words: readonly Word[]): string[] => words.map(({ word }) => letters(word));
const tenths = (min: number, max: number) => fc.integer({ min, max }).map((value) => value / 10);

test('chunks that share more than one word give each word once and whole, for lead-ins of 3 s and overlaps of 0 to 10 s [boundary.lead-in, chunk.overlap]', () => {
  fc.assert(
    fc.property(speech, tenths(0, 100), fc.array(decodes, { minLength: 2, maxLength: 3 }), (words, overlap, decode) => {
      const cuts = { seconds: 15, overlap, leadIn: Math.max(0, 3 - overlap) };
      expect(wordsOf(recorded(words, cuts, decode))).toEqual(spoken(words));
    }),
    { numRuns: 1000 },
  );
});

test('chunks that overlap by a second or more, without lead-ins, give each word once and whole [chunk.overlap]', () => {
  fc.assert(
    fc.property(speech, tenths(10, 100), fc.array(decodes, { minLength: 2, maxLength: 3 }), (words, overlap, decode) => {
      expect(wordsOf(recorded(words, { seconds: 15, overlap, leadIn: 0 }, decode))).toEqual(spoken(words));
    }),
    { numRuns: 500 },
  );
});

test('chunks that overlap by less than a word lose and repeat no word; a word that both chunks cut appears once [chunk.overlap]', () => {
  fc.assert(
    fc.property(speech, fc.integer({ min: 15, max: 74 }), (words, overlap) => {
      const joined = wordsOf(recorded(words, { seconds: 5, overlap: overlap / 100, leadIn: 0 }, [EXACT]));
      expect(joined.map((word) => word.replace(/^x|x$/g, ''))).toEqual(spoken(words));
    }),
    { numRuns: 1000 },
  );
});

test('times never decrease, each word lasts at least 20 ms, coverage lists each second once, and texts match their words [boundary.reads-as-one]', () => {
  const cuts = fc.record({ seconds: fc.constant(15), overlap: tenths(0, 140), leadIn: tenths(0, 30) });
  fc.assert(
    fc.property(speech, cuts, fc.array(decodes, { minLength: 2, maxLength: 3 }), (words, cut, decode) => {
      const { segments, coverage, duration_seconds, text } = joinChunks(SESSION, recorded(words, cut, decode));
      const joined = segments.flatMap((segment) => segment.words);
      for (const [at, word] of joined.entries()) {
        expect(word.end - word.start).toBeGreaterThan(0.0199);
        expect(word.start).toBeGreaterThanOrEqual(joined[at - 1]?.start ?? 0);
      }
      for (const segment of segments) {
        expect(segment.text).toBe(textOf(segment.words));
        expect(segment.end - segment.start).toBeLessThan(9);
      }
      expect(coverage.map(({ start }) => start)).toEqual(coverage.map((_, i) => coverage[i - 1]?.end ?? 0));
      expect(coverage.at(-1)?.end).toBe(duration_seconds);
      expect(text).toBe(segments.map((segment) => segment.text).join(' '));
    }),
    { numRuns: 500 },
  );
});

/** Words that count the reads of their start times. */
function counted(count: number, seconds: number): { words: Word[]; reads: () => number } {
  let reads = 0;
  const words = Array.from({ length: count }, (_, at): Word => {
    const start = (at * seconds) / count;
    return {
      word: ` w${at % 7}`,
      get start() {
        reads += 1;
        return start;
      },
      end: start + seconds / count / 2,
      probability: 0.9,
    };
  });
  return { words, reads: () => reads };
}

test.each([
  [10, 100],
  [10, 200],
  [30, 300],
  [30, 600],
])('%d s of shared audio with %d words per text take only a few steps per aligned pair [boundary.cost]', (seconds, count) => {
  const [before, after] = [counted(count, seconds), counted(count, seconds)];
  joinWords(before.words, after.words, { start: 0, end: seconds });
  const aligned = (count * Math.min(seconds, 11)) / seconds;
  expect(before.reads()).toBeLessThan(10 * aligned ** 2 + 50 * count);
  expect(after.reads()).toBeLessThan(10 * aligned ** 2 + 50 * count);
});

test('texts that have nothing in common take no more steps [boundary.cost]', () => {
  const [before, after] = [counted(200, 10), counted(200, 10)];
  const others = after.words.map((word, at) => ({ ...word, word: ` other${at}` }));
  joinWords(before.words, others, { start: 0, end: 10 });
  expect(before.reads()).toBeLessThan(20 * 200 ** 2);
});

const word = (text: string, start: number, end: number, probability = 0.9): Word => ({
  word: ` ${text}`,
  start,
  end,
  probability,
});
function chunkOf(number: number, words: Word[], more: Partial<ChunkTranscriptOf> = {}): ChunkOutcome {
  const result = { ...chunkTranscript(number, 30, 0), text: textOf(words) };
  const [segment] = chunkTranscript(1, 1, 1).segments;
  if (segment === undefined) throw new Error('a word makes a segment');
  const [start, end] = [words[0]?.start ?? 0, words.at(-1)?.end ?? 0];
  const segments = words.length === 0 ? [] : [{ ...segment, start, end, text: textOf(words), words }];
  return { kind: 'transcribed', result: { ...result, segments, ...more } };
}
type ChunkTranscriptOf = Extract<ChunkOutcome, { kind: 'transcribed' }>['result'];
const leadIn = (words: Word[]) => ({ lead_in: { seconds: 3, etag: 'etag-1', words } });
const begun = chunkOf(1, [word('the', 29, 29.3), word('conf.', 29.4, 29.98)]);
const ended = chunkOf(2, [word('room', 0.5, 0.8)], leadIn([word('the', -1, -0.7), word('conference', -0.6, 0.1)]));

test('the lead-in of a chunk completes the last word of the previous chunk [boundary.lead-in]', () => {
  const { text, segments } = joinChunks(SESSION, [begun, ended]);
  expect(text).toBe('the conference room');
  expect(segments.flatMap(({ words }) => words.map(({ start }) => start))).toEqual([29, 29.4, 30.5]);
});

test('a chunk without a lead-in follows the previous one; a full stop before a lower-case word at the cut is removed [boundary.reads-as-one]', () => {
  expect(joinChunks(SESSION, [begun, chunkOf(2, [word('erence', 0, 0.3)])]).text).toBe('the conf erence');
  expect(joinChunks(SESSION, [begun, chunkOf(2, [word('Erence', 0, 0.3)])]).text).toBe('the conf. Erence');
  expect(joinChunks(SESSION, [begun, chunkOf(2, [word('erence', 2, 2.3)])]).text).toBe('the conf. erence');
});

test.each([
  ['missing', { kind: 'missing' }],
  ['failed', { kind: 'failed', reason: 'x', durationSeconds: 30 }],
  ['waiting', { kind: 'waiting', durationSeconds: 30 }],
] as const)('the lead-in of a chunk is ignored when the previous chunk is %s [boundary.lead-in]', (_, before) => {
  expect(joinChunks(SESSION, [before, ended]).text).toBe('room');
});

test('lead-in words that the previous chunk lacks are part of the text, and that chunk does not count as silence [boundary.lead-in]', () => {
  const { text, coverage } = joinChunks(SESSION, [chunkOf(1, []), ended]);
  expect(text).toBe('the conference room');
  expect(coverage).toEqual([{ start: 0, end: 60, kind: 'transcribed' }]);
});

test('speech without words in shared audio counts as failed only where the joined text has no word [transcript.unheard]', () => {
  const unheard = { unheard: [{ start: 28.9, end: 29.9 }] };
  const coverage = (before: ChunkOutcome) => joinChunks(SESSION, [before, ended]).coverage.map(({ kind, end }) => [kind, end]);
  expect(coverage(chunkOf(1, [word('in', 20, 21)], unheard))).toEqual([['transcribed', 60]]);
  const early = { unheard: [{ start: 27.2, end: 28.2 }] };
  expect(coverage(chunkOf(1, [word('in', 20, 21)], early))).toEqual([
    ['transcribed', 27.2],
    ['failed', 28.2],
    ['transcribed', 60],
  ]);
});
