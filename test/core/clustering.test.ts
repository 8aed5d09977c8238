import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as z from 'zod';
import type { Voice } from '../../core/contracts/speakers.ts';
import { likeness, speakersOf } from '../../core/transcripts/clustering.ts';

const Examples = z.array(
  z.object({
    title: z.string(),
    voices: z.array(z.object({ vector: z.string(), seconds: z.number() })),
    least: z.number(),
    most: z.number().optional(),
    speakers: z.array(z.number()),
  }),
);
const FILE = new URL('../fixtures/speakers/clustering.json', import.meta.url);
const EXAMPLES = Examples.parse(JSON.parse(readFileSync(FILE, 'utf8')));

test.each(EXAMPLES)('$title: the same speakers as in the worker [speakers]', ({ voices, least, most, speakers }) => {
  const given = voices.map(({ vector, seconds }) => ({ voice: vector, seconds }));
  expect(speakersOf(given, { least, most })).toEqual(speakers);
});

const DIMENSIONS = 8;
/** A person's voice, with some noise. */
const voice = (person: number, noise: readonly number[], seconds: number): Voice => ({
  voice: Buffer.from(
    Int8Array.from({ length: DIMENSIONS }, (_, i) => 40 + (i === person ? 80 : 0) + (noise[i] ?? 0)).buffer,
  ).toString('base64'),
  seconds,
});
const noise = (most: number) => fc.array(fc.integer({ min: -most, max: most }), { minLength: DIMENSIONS, maxLength: DIMENSIONS });
const spokenWith = (most: number) =>
  fc.record({ person: fc.integer({ min: 0, max: 5 }), noise: noise(most), seconds: fc.integer({ min: 1, max: 30 }) });
const spoken = spokenWith(6);
const order = (length: number) => fc.shuffledSubarray([...Array(length).keys()], { minLength: length, maxLength: length });

test('speakers do not depend on the order in which chunks arrive [speakers]', () => {
  const cases = fc
    .array(spokenWith(40), { minLength: 1, maxLength: 300 })
    .chain((parts) => fc.tuple(fc.constant(parts), order(parts.length)));
  fc.assert(
    fc.property(cases, ([parts, shuffled]) => {
      const voices = parts.map((part) => voice(part.person, part.noise, part.seconds));
      const labels = speakersOf(voices);
      const again = speakersOf(shuffled.map((index) => voices[index] as Voice));
      const pairs = new Set(shuffled.map((index, at) => `${labels[index]} ${again[at]}`));
      expect(pairs.size).toBe(new Set(labels).size);
      expect(pairs.size).toBe(new Set(again).size);
    }),
    { numRuns: 60 },
  );
});

test('voices of two models are never alike', () => {
  const one = voice(1, [], 20);
  const other = {
    ...one,
    voice: Buffer.from(one.voice, 'base64')
      .subarray(0, DIMENSIONS - 2)
      .toString('base64'),
  };
  expect(likeness(one, one).isSame).toBe(true);
  expect(likeness(one, other).isSame).toBe(false);
  expect(likeness(other, one).isSame).toBe(false);
});

test('the numbers of speakers stay within limits', () => {
  fc.assert(
    fc.property(fc.array(spoken, { minLength: 1, maxLength: 30 }), fc.integer({ min: 1, max: 8 }), (parts, count) => {
      const voices = parts.map((part) => voice(part.person, part.noise, part.seconds));
      const found = (limits: object) => new Set(speakersOf(voices, limits)).size;
      expect(found({ most: count })).toBeLessThanOrEqual(count);
      expect(found({ least: count })).toBeGreaterThanOrEqual(Math.min(count, new Set(voices.map((one) => one.voice)).size));
    }),
    { numRuns: 100 },
  );
});

test('a day of chunks with six voices each keeps its people apart', () => {
  const random = fc.sample(spoken, { numRuns: 2880 * 6, seed: 1 });
  const labels = speakersOf(random.map((part) => voice(part.person, part.noise, part.seconds)));
  expect(new Set(random.map(({ person }, index) => `${person} ${labels[index]}`)).size).toBe(6);
});
