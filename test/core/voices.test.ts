import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Segment } from '../../core/contracts/transcript.ts';
import { joinChunks } from '../../core/transcripts/join.ts';
import { detectedTurns } from '../../core/transcripts/speakers.ts';
import { withSpeakers } from '../../core/transcripts/with-speakers.ts';
import { chunkTranscript, SESSION } from '../support/rows.ts';

const DIMENSIONS = 8;
/** The voice of a person, with some noise. */
const voiceOf = (person: number, noise: readonly number[]): string =>
  Buffer.from(Int8Array.from({ length: DIMENSIONS }, (_, i) => (i === person ? 100 : 0) + (noise[i] ?? 0)).buffer).toString(
    'base64',
  );

const segment = (start: number, voice?: string): Segment => ({
  id: 0,
  start,
  end: start + 1,
  text: `t${start}`,
  avg_logprob: 0,
  no_speech_prob: 0,
  compression_ratio: 1,
  words: [],
  ...(voice !== undefined && { voice }),
});

const noise = fc.array(fc.integer({ min: -15, max: 15 }), { minLength: DIMENSIONS, maxLength: DIMENSIONS });
const utterances = fc.array(fc.record({ person: fc.integer({ min: 0, max: 4 }), noise }), { minLength: 1, maxLength: 40 });

test('each person gets one name, in the order of their first segments [speakers]', () => {
  fc.assert(
    fc.property(utterances, (parts) => {
      const marked = withSpeakers(parts.map((part, i) => segment(i, voiceOf(part.person, part.noise))));
      const order = [...new Set(parts.map(({ person }) => person))];
      expect(marked.map(({ speaker }) => speaker)).toEqual(parts.map(({ person }) => `S${order.indexOf(person) + 1}`));
      expect(marked.every((one) => !('voice' in one))).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test('a segment too short for a voice gets the previous speaker; without any voices no speaker is named', () => {
  const [a, b] = [voiceOf(0, []), voiceOf(1, [])];
  expect(withSpeakers([segment(0), segment(1, a), segment(2), segment(3, b)]).map(({ speaker }) => speaker)).toEqual([
    'S1',
    'S1',
    'S1',
    'S2',
  ]);
  expect(withSpeakers([segment(0)])).toEqual([segment(0)]);
});

test('one person has one name in all chunks of a session, and turns are joined [speakers]', () => {
  const spoken = (n: number, person: number) => {
    const chunk = chunkTranscript(n);
    return {
      kind: 'transcribed' as const,
      result: { ...chunk, segments: chunk.segments.map((one) => ({ ...one, voice: voiceOf(person, []) })) },
    };
  };
  const joined = joinChunks(SESSION, [spoken(1, 3), spoken(2, 3), spoken(3, 0)]);
  expect(detectedTurns(joined).map(({ speaker, text }) => [speaker, text])).toEqual([
    ['S1', 'w1-0 w1-1 w1-2 w2-0 w2-1 w2-2'],
    ['S2', 'w3-0 w3-1 w3-2'],
  ]);
  expect(() => detectedTurns(joinChunks(SESSION, [{ kind: 'transcribed', result: chunkTranscript(1) }]))).toThrow('diarize');
});
