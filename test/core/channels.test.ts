/** Channels that are transcribed separately: each is joined as if it were alone, and all are merged by time. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ChunkTranscript, Segment } from '../../core/contracts/transcript.ts';
import type { ChunkOutcome } from '../../core/transcripts/chunk-outcome.ts';
import { continuationOf, extend, joinChunks, NOTHING_JOINED, transcriptOf } from '../../core/transcripts/join.ts';
import { detectedTurns } from '../../core/transcripts/speakers.ts';
import { chunkTranscript, SESSION } from '../support/rows.ts';

const SECONDS = 30;
const LEAD_IN_SECONDS = 3;

const wordAt = (word: string, start: number) => ({ word: ` ${word}`, start, end: start + 0.4, probability: 0.9 });

/** Words of a channel in one chunk: some in its middle, and often some at its end, which the next lead-in repeats. */
const spoken = fc.record({ middle: fc.nat(4), end: fc.nat(3) });
type Spoken = typeof spoken extends fc.Arbitrary<infer One> ? One : never;

const endWords = (n: number, channel: number, { end }: Spoken, from: number) =>
  Array.from({ length: end }, (_, i) => wordAt(`end${n}${'ab'[channel - 1]}${'xyz'[i]}`, from - 2.5 + channel * 0.1 + i * 0.7));

function segmentsOf(n: number, channel: number, one: Spoken): Segment[] {
  const middle = Array.from({ length: one.middle }, (_, i) => wordAt(`w${n}${'ab'[channel - 1]}${i}`, 4 + 5 * i + channel));
  return [...middle, ...endWords(n, channel, one, SECONDS)].map((word) => ({
    ...{ id: 0, start: word.start, end: word.end, text: word.word.trim(), words: [word], channel },
    ...{ avg_logprob: -0.2, no_speech_prob: 0, compression_ratio: 1 },
  }));
}

/** Results of chunks with both channels, or with one of them. */
const resultsOf = (chunks: readonly (readonly Spoken[])[], only: readonly number[]): ChunkOutcome[] =>
  chunks.map((channels, index): ChunkOutcome => {
    const before = chunks[index - 1];
    const segments = only.flatMap((channel) => segmentsOf(index + 1, channel, channels[channel - 1] ?? { middle: 0, end: 0 }));
    const words = only.flatMap((channel) =>
      endWords(index, channel, before?.[channel - 1] ?? { middle: 0, end: 0 }, 0).map((word) => ({ ...word, channel })),
    );
    const result: ChunkTranscript = {
      ...chunkTranscript(index + 1, SECONDS, 0),
      segments: segments.sort((a, b) => a.start - b.start),
      ...(before !== undefined && { lead_in: { seconds: LEAD_IN_SECONDS, etag: 'e', words } }),
    };
    return { kind: 'transcribed', result };
  });
const recordings = fc.array(fc.tuple(spoken, spoken), { minLength: 1, maxLength: 12 });

test('each channel has the words that it has alone, and the speaker is the channel [media.channels]', () => {
  fc.assert(
    fc.property(recordings, (chunks) => {
      const both = joinChunks(SESSION, resultsOf(chunks, [1, 2]));
      for (const channel of [1, 2]) {
        const alone = joinChunks(SESSION, resultsOf(chunks, [channel]));
        const own = both.segments.filter(({ speaker }) => speaker === `S${channel}`);
        expect(own.map(({ text, words }) => ({ text, words }))).toEqual(
          alone.segments.map(({ text, words }) => ({ text, words })),
        );
      }
      const starts = both.segments.map(({ start }) => start);
      expect(starts).toEqual([...starts].sort((a, b) => a - b));
      expect(both.segments.every((segment) => !('channel' in segment))).toBe(true);
      expect(both.segments.map(({ id }) => id)).toEqual(both.segments.map((_, i) => i));
      if (both.segments.length > 0)
        expect(
          detectedTurns(both)
            .map(({ text }) => text)
            .join(' '),
        ).toBe(both.text);
    }),
    { numRuns: 300 },
  );
});

test('a text that is continued from any chunk is the same as one that is joined at once [session.flat]', () => {
  fc.assert(
    fc.property(recordings, fc.nat(11), (chunks, at) => {
      const outcomes = resultsOf(chunks, [1, 2]);
      const first = extend(NOTHING_JOINED, outcomes.slice(0, at));
      const rest = transcriptOf(SESSION, extend(continuationOf(first), outcomes.slice(at)));
      const whole = joinChunks(SESSION, outcomes);
      expect(rest.segments).toEqual(whole.segments.slice(first.closed.length));
    }),
    { numRuns: 300 },
  );
});

test('damage is a gap with its position, and failed in the coverage [media.damage]', () => {
  const damaged = [{ start: 10, end: 14.5 }];
  const outcomes: ChunkOutcome[] = [1, 2].map((n) => ({
    kind: 'transcribed',
    result: { ...chunkTranscript(n), ...(n === 2 && { damaged }) },
  }));
  const { gaps, coverage, status } = joinChunks(SESSION, outcomes);
  expect(gaps).toEqual([{ chunkNumber: 2, start: 40, end: 44.5, reason: 'the recording is damaged' }]);
  expect(coverage).toEqual([
    { start: 0, end: 40, kind: 'transcribed' },
    { start: 40, end: 44.5, kind: 'failed' },
    { start: 44.5, end: 60, kind: 'transcribed' },
  ]);
  expect(status).toBe('completed');
});

test('speech without words on one channel is no failure where the decode of the next chunk has words [media.channels]', () => {
  const segment = (channel: number, start: number, end: number): Segment => ({
    ...{ id: 0, start, end, text: 'words', channel, avg_logprob: 0, no_speech_prob: 0, compression_ratio: 1 },
    words: Array.from({ length: Math.ceil(end - start) }, (_, i) => wordAt('w', start + i)),
  });
  const first = { ...chunkTranscript(1, SECONDS, 0), unheard: [{ start: 26, end: 29 }] };
  const outcomes = (others: readonly Segment[]): ChunkOutcome[] => [
    { kind: 'transcribed', result: { ...first, segments: [segment(1, 0, 29.8), ...others] } },
    { kind: 'transcribed', result: { ...chunkTranscript(2, SECONDS, 0), segments: [segment(1, 4, 20)] }, overlapSeconds: 4 },
  ];
  for (const others of [[], [segment(2, 1, 2), segment(2, 3, 4), segment(2, 5, 6)]])
    expect(joinChunks(SESSION, outcomes(others)).coverage.filter(({ kind }) => kind === 'failed')).toEqual([]);
});
