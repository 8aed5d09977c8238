/**
 * Finds known voices among the speakers of a transcript. A wrong suggestion is worse than none, so the limits are strict:
 * bench/diarization/README.md has their errors.
 */
import type { KnownVoice, SpeakerSuggestion } from '../contracts/known-voices.ts';
import { isNumber, type SpeakerChanges, type Voice } from '../contracts/speakers.ts';
import { meanVoice } from './clustering.ts';
import { type Detected, labelsOf } from './people.ts';
import { cosine, unit } from './segment-voices.ts';

/** Cosine similarity from which a voice can be that of a known one, and how much less similar all others must be. */
const [SAME_PERSON, MARGIN] = [0.9, 0.1];
/** Voices that were measured on less speech are too uncertain to be saved or recognized. */
export const MIN_VOICE_SECONDS = 10;

/** A voice whose model is known. */
export type MeasuredVoice = Required<Voice>;

/** The voices of the speakers of a transcript, by label. A speaker has none if its voices are of several models, or unknown ones. */
export function voicesByLabel(detected: readonly Detected[], changes: SpeakerChanges): ReadonlyMap<string, MeasuredVoice> {
  const labels = labelsOf(detected, changes).detected;
  const byLabel = Map.groupBy(detected, ({ label }) => labels.get(label) ?? label);
  return new Map(
    [...byLabel].flatMap(([label, own]) => {
      const voices = own.flatMap(({ voice }) => voice ?? []);
      const [model, ...others] = new Set(voices.map((voice) => voice.model));
      return model === undefined || others.length > 0 ? [] : [[label, { ...meanVoice(voices), model }] as const];
    }),
  );
}

interface Pair {
  readonly speaker: string;
  readonly seconds: number;
  readonly known: KnownVoice;
  readonly similarity: number;
}

/** Whether no other speaker or known voice is nearly as similar. */
const isClear = (one: Pair, pairs: readonly Pair[]): boolean =>
  pairs.every(
    (other) => (other.speaker === one.speaker) === (other.known === one.known) || other.similarity <= one.similarity - MARGIN,
  );

/** Names for speakers without one, in the order of the speakers. A name that another speaker has is not suggested. */
export function suggestionsOf(
  detected: readonly Detected[],
  changes: SpeakerChanges,
  known: readonly KnownVoice[],
): SpeakerSuggestion[] {
  const taken = new Set(changes.people.map(({ name }) => name));
  const pairs = [...voicesByLabel(detected, changes)].flatMap(([speaker, { voice, seconds, model }]) =>
    known
      .filter((one) => one.model === model)
      .map((one): Pair => ({ speaker, seconds, known: one, similarity: cosine(unit(voice), unit(one.voice)) })),
  );
  return pairs
    .filter((one) => isNumber(one.speaker) && one.seconds >= MIN_VOICE_SECONDS && !taken.has(one.known.name))
    .filter((one) => one.similarity >= SAME_PERSON && isClear(one, pairs))
    .map(({ speaker, known: { id, name }, similarity }) => ({
      speaker,
      name,
      knownVoiceId: id,
      similarity: Math.round(1000 * similarity) / 1000,
    }));
}
