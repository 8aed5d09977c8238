/** Voices that a user has saved under a name, so that later transcripts can suggest it. */
import * as z from 'zod';
import { text } from './fields.ts';
import { SessionId } from './http.ts';
import { MAX_SPEAKER_NAME, Voice } from './speakers.ts';

export const MAX_KNOWN_VOICES = 100;

/** A saved voice as its row stores it. */
export const KnownVoice = Voice.required().extend({ id: z.string(), name: z.string(), saved_at_ms: z.number() });
export type KnownVoice = z.infer<typeof KnownVoice>;

/** All known voices of a user; one row in the table of settings. */
export const KnownVoicesRow = z.object({
  /** New with every change; random, so that a row that was deleted and created again has another one. */
  revision: z.string(),
  voices: z.array(KnownVoice),
});
export type KnownVoicesRow = z.infer<typeof KnownVoicesRow>;

export const SaveKnownVoice = z.strictObject({
  sessionId: SessionId,
  speaker: text(1, MAX_SPEAKER_NAME).meta({ description: 'A named speaker of its transcript.' }),
});

/** A saved voice without what it sounds like, which no call returns. */
export const SavedVoice = z.strictObject({ id: z.string(), name: z.string(), savedAt: z.iso.datetime() });
export const SavedVoices = z.strictObject({ voices: z.array(SavedVoice) });

export const SpeakerSuggestion = z.strictObject({
  speaker: z.string().meta({ description: 'A speaker without a name, as the transcript has it.' }),
  name: z.string(),
  knownVoiceId: z.string(),
  similarity: z.number().meta({ description: 'Cosine similarity of the two voices.' }),
});
export type SpeakerSuggestion = z.infer<typeof SpeakerSuggestion>;
export const SpeakerSuggestions = z.strictObject({ suggestions: z.array(SpeakerSuggestion) });
