/** Suggestions of known voices. Voices are directions in a plane, given by their angles. */
import { expect, test } from 'vitest';
import type { KnownVoice } from '../../core/contracts/known-voices.ts';
import { NO_SPEAKER_CHANGES, type SpeakerChanges } from '../../core/contracts/speakers.ts';
import { suggestionsOf } from '../../core/transcripts/suggestions.ts';

const vectorAt = (degrees: number): string => {
  const radians = (degrees / 180) * Math.PI;
  return Buffer.from(Int8Array.of(127 * Math.cos(radians), 127 * Math.sin(radians)).buffer).toString('base64');
};
const measured = (degrees: number, seconds = 20) => ({ voice: vectorAt(degrees), seconds, model: 'ge2e' });
const known = (name: string, degrees: number): KnownVoice => ({ ...measured(degrees), id: name, name, saved_at_ms: 1 });
const speakers = (...degrees: readonly number[]) => degrees.map((angle, i) => ({ label: `S${i + 1}`, voice: measured(angle) }));
const found = (...given: Parameters<typeof suggestionsOf>) =>
  suggestionsOf(...given).map(({ speaker, name }) => `${speaker}: ${name}`);
const named = (name: string, degrees: number): SpeakerChanges => ({
  people: [{ id: 'p', name, voices: [measured(degrees)], channels: [] }],
  stretches: [],
});

test('only a very similar voice is suggested, and only if no other known voice is nearly as similar [speakers.known]', () => {
  expect(found(speakers(0), NO_SPEAKER_CHANGES, [known('Ana', 20)])).toEqual(['S1: Ana']);
  expect(found(speakers(0), NO_SPEAKER_CHANGES, [known('Ana', 30)])).toEqual([]);
  expect(found(speakers(0), NO_SPEAKER_CHANGES, [known('Ana', 12), known('Ben', 3)])).toEqual([]);
  expect(found(speakers(0), NO_SPEAKER_CHANGES, [known('Ana', 45), known('Ben', 3)])).toEqual(['S1: Ben']);
});

test('a name is suggested for a speaker only if no other speaker has it or sounds nearly alike [speakers.known]', () => {
  expect(found(speakers(2, 60), NO_SPEAKER_CHANGES, [known('Ana', 0)])).toEqual(['S1: Ana']);
  expect(found(speakers(2, 20), NO_SPEAKER_CHANGES, [known('Ana', 0)])).toEqual([]);
  expect(found(speakers(2, 60), named('Ana', 60), [known('Ana', 0)])).toEqual([]);
  expect(found(speakers(2, 60), named('Eva', 60), [known('Ana', 0)])).toEqual(['S1: Ana']);
  expect(found(speakers(2, 20), named('Eva', 20), [known('Ana', 0)])).toEqual([]);
  expect(found(speakers(0, 90), NO_SPEAKER_CHANGES, [known('Ana', 0), known('Ben', 90)])).toEqual(['S1: Ana', 'S2: Ben']);
});

test('speakers with a name, a channel or little speech get no suggestion [speakers.known]', () => {
  const voices = [known('Ana', 0)];
  expect(found(speakers(0), named('Eva', 0), voices)).toEqual([]);
  expect(found([{ label: 'S1', channel: 1 }], NO_SPEAKER_CHANGES, voices)).toEqual([]);
  expect(found([{ label: 'S1', voice: measured(0, 9.9) }], NO_SPEAKER_CHANGES, voices)).toEqual([]);
});
