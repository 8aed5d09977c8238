/** Speakers that a user has named, merged and assigned. Each word has a voice; people are directions in the space of voices. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NO_SPEAKER_CHANGES, type SpeakerChanges } from '../../core/contracts/speakers.ts';
import type { ChunkTranscript } from '../../core/contracts/transcript.ts';
import { extend, NOTHING_JOINED, speakersIn, transcriptOf } from '../../core/transcripts/join.ts';
import { assigned, named, unnamed } from '../../core/transcripts/people.ts';
import { chunkTranscript, SESSION } from '../support/rows.ts';

const DIMENSIONS = 8;
/** The voice of a person, with some noise. */
const voiceOf = (person: number, noise = 0): string =>
  Buffer.from(Int8Array.from({ length: DIMENSIONS }, (_, i) => (i === person ? 100 : (noise * (i + 3)) % 17)).buffer).toString(
    'base64',
  );

/** A chunk of 30 s whose words are spoken by these people, one segment with one word a second. */
function chunkOf(n: number, people: readonly number[], noise = 0): ChunkTranscript {
  const voices = [...new Set(people)];
  const words = people.map((person, i) => ({
    word: ` w${n}-${i}`,
    start: i,
    end: i + 0.9,
    probability: 1,
    speaker: voices.indexOf(person),
  }));
  const chunk = chunkTranscript(n);
  const [first] = chunk.segments;
  if (first === undefined) throw new Error('the example has no segment');
  const text = words
    .map(({ word }) => word)
    .join('')
    .trim();
  return {
    ...chunk,
    text,
    segments: [{ ...first, start: 0, end: people.length, text, words }],
    speakers: voices.map((person) => ({ voice: voiceOf(person, noise), seconds: 10 })),
  };
}
const joinedOf = (...chunks: readonly (readonly number[])[]) =>
  extend(
    NOTHING_JOINED,
    chunks.map((people, i) => ({ kind: 'transcribed' as const, result: chunkOf(i + 1, people) })),
  );
const ids = () => {
  let count = 0;
  return () => `id-${++count}`;
};
/** `speaker: words` of each segment. */
const linesOf = (joined: ReturnType<typeof joinedOf>, changes?: SpeakerChanges): string[] =>
  transcriptOf(SESSION, joined, changes).segments.map(({ speaker, text }) => `${speaker}: ${text}`);
const labelsOf = (joined: ReturnType<typeof joinedOf>, changes?: SpeakerChanges): string[] =>
  transcriptOf(SESSION, joined, changes).segments.flatMap(({ speaker, words }) => words.map(() => speaker ?? ''));

test('a segment ends where the speaker changes, and a short answer keeps its speaker [speakers]', () => {
  expect(linesOf(joinedOf([0, 0, 1, 0], [1, 2]))).toEqual(['S1: w1-0 w1-1', 'S2: w1-2', 'S1: w1-3', 'S2: w2-0', 'S3: w2-1']);
});

test('every word has the speaker of its voice, in all chunks [speakers]', () => {
  const people = fc.array(fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 12 }), {
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(
    fc.property(people, (chunks) => {
      const order = [...new Set(chunks.flat())];
      expect(labelsOf(joinedOf(...chunks))).toEqual(chunks.flat().map((person) => `S${order.indexOf(person) + 1}`));
    }),
  );
});

test('words of one voice and words without a voice belong to the speaker before them', () => {
  const joined = joinedOf([0, 1, 1]);
  const [segment] = joined.open;
  const words = segment?.words.map((word, i) => (i === 2 ? { ...word, speaker: undefined } : word)) ?? [];
  expect(labelsOf({ ...joined, open: segment === undefined ? [] : [{ ...segment, words }] })).toEqual(['S1', 'S2', 'S2']);
});

test('a name stays with its voice when the text is made again, in whatever order its speakers appear then [speakers.names]', () => {
  const before = joinedOf([0, 1]);
  const changes = named(NO_SPEAKER_CHANGES, speakersIn(before), { label: 'S2', name: 'Ana' }, ids());
  expect(linesOf(before, changes)).toEqual(['S1: w1-0', 'Ana: w1-1']);
  expect(linesOf(joinedOf([1, 2, 0]), changes)).toEqual(['Ana: w1-0', 'S2: w1-1', 'S3: w1-2']);
  expect(linesOf(joinedOf([2, 0]), changes)).toEqual(['S1: w1-0', 'S2: w1-1']); // Ana is not in it
});

test('speakers with one name are one: also without names, and a new name renames both [speakers.names]', () => {
  const joined = joinedOf([0, 1, 2]);
  const detected = speakersIn(joined);
  const newId = ids();
  const merged = named(NO_SPEAKER_CHANGES, detected, { label: 'S3', name: 'S1' }, newId);
  expect(labelsOf(joined, merged)).toEqual(['S1', 'S2', 'S1']);
  const ana = merged && named(merged, detected, { label: 'S1', name: 'Ana' }, newId);
  expect(labelsOf(joined, ana)).toEqual(['Ana', 'S2', 'Ana']);
  const all = ana && named(ana, detected, { label: 'S2', name: 'Ana' }, newId);
  expect(labelsOf(joined, all)).toEqual(['Ana', 'Ana', 'Ana']);
  expect(all && labelsOf(joined, unnamed(all, detected, 'Ana'))).toEqual(['S1', 'S2', 'S3']);
});

test('names of speakers who are not there, or that are numbers of other texts, are refused', () => {
  const detected = speakersIn(joinedOf([0, 1]));
  for (const [label, name] of [
    ['S3', 'Ana'],
    ['Ana', 'Ben'],
    ['S1', 'S9'],
  ] as const)
    expect(named(NO_SPEAKER_CHANGES, detected, { label, name }, ids())).toBeUndefined();
  expect(assigned(NO_SPEAKER_CHANGES, detected, { start: 0, end: 1, label: 'S9' }, ids())).toBeUndefined();
});

test('a stretch is assigned word by word, to a speaker or to a new name; the later assignment counts [speakers.names]', () => {
  const joined = joinedOf([0, 0, 0, 0], [1]);
  const detected = speakersIn(joined);
  const newId = ids();
  const ben = assigned(NO_SPEAKER_CHANGES, detected, { start: 1, end: 4, label: 'Ben' }, newId);
  expect(labelsOf(joined, ben)).toEqual(['S1', 'Ben', 'Ben', 'Ben', 'S2']);
  const two = ben && assigned(ben, detected, { start: 2, end: 3, label: 'S2' }, newId);
  expect(labelsOf(joined, two)).toEqual(['S1', 'Ben', 'S2', 'Ben', 'S2']);
  const eva = two && named(two, detected, { label: 'S2', name: 'Eva' }, newId);
  expect(labelsOf(joined, eva)).toEqual(['S1', 'Ben', 'Eva', 'Ben', 'Eva']);
  expect(eva && labelsOf(joined, unnamed(eva, detected, 'Ben'))).toEqual(['S1', 'S1', 'Eva', 'S1', 'Eva']);
});

test('separate channels are named by their number', () => {
  const joined = joinedOf([0]);
  const [segment] = joined.open;
  if (segment === undefined) throw new Error('no segment');
  const channels = { ...joined, open: [1, 2].map((channel) => ({ ...segment, channel })) };
  const changes = named(NO_SPEAKER_CHANGES, speakersIn(channels), { label: 'S2', name: 'Caller' }, ids());
  expect(labelsOf(channels, changes)).toEqual(['S1', 'Caller']);
});
