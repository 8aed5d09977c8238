/**
 * Known voices: a user saves the voice of a named speaker, and speakers of later transcripts who sound like it get the name as a
 * suggestion. Only the user changes a transcript.
 *
 * Gotchas:
 * - Voices are biometric data. They stay with the user who saved them: only the owner of a session saves from it, and it is
 *   compared with the owner's voices only. No call returns them.
 * - Voices that different models measured cannot be compared.
 */
import type * as z from 'zod';
import {
  type KnownVoice,
  type KnownVoicesRow,
  MAX_KNOWN_VOICES,
  type SavedVoice,
  type SpeakerSuggestion,
} from '../contracts/known-voices.ts';
import type { SessionRow } from '../contracts/rows.ts';
import { isNumber, NO_SPEAKER_CHANGES } from '../contracts/speakers.ts';
import { DomainError } from '../errors.ts';
import { CONFLICT, optimistically } from '../optimistic.ts';
import { speakerLimitsOf } from '../recording-options.ts';
import { iso } from '../time.ts';
import { speakersIn } from './join.ts';
import { type ReadDeps, readJoined } from './joined-parts.ts';
import { type ResultReader, userChangesOf } from './outcomes.ts';
import { type MeasuredVoice, MIN_VOICE_SECONDS, suggestionsOf, voicesByLabel } from './suggestions.ts';

/** One row per user. */
export interface KnownVoiceStore {
  get(userId: string): Promise<KnownVoicesRow | undefined>;
  /** Replaces the row with this revision (undefined: none); false if it is not the current one. */
  put(userId: string, row: KnownVoicesRow, overRevision: string | undefined): Promise<boolean>;
  remove(userId: string): Promise<void>;
}

export interface KnownVoiceDeps extends ReadDeps {
  readonly results: ReadDeps['results'] & Pick<ResultReader, 'readEdits'>;
  readonly knownVoices: KnownVoiceStore;
  /** Whether the stage allows known voices. */
  readonly canKnowVoices: boolean;
  readonly newId: () => string;
  readonly nowMs: () => number;
}

const viewOf = ({ id, name, saved_at_ms }: KnownVoice): z.infer<typeof SavedVoice> => ({ id, name, savedAt: iso(saved_at_ms) });

/** @throws DomainError `not-found` if the stage has no known voices */
function allowed({ canKnowVoices }: Pick<KnownVoiceDeps, 'canKnowVoices'>): void {
  if (!canKnowVoices) throw new DomainError('not-found', 'this stage has no known voices: its parameter knownVoices is off');
}

/** The known voices of a user, by name. */
export async function savedVoices(deps: KnownVoiceDeps, userId: string): Promise<z.infer<typeof SavedVoice>[]> {
  allowed(deps);
  const { voices = [] } = (await deps.knownVoices.get(userId)) ?? {};
  return voices.map(viewOf).sort((a, b) => a.name.localeCompare(b.name));
}

const change = (
  { knownVoices, newId }: KnownVoiceDeps,
  userId: string,
  changed: (voices: readonly KnownVoice[]) => KnownVoice[],
): Promise<KnownVoice[]> =>
  optimistically('the known voices', async () => {
    const row = await knownVoices.get(userId);
    const voices = changed(row?.voices ?? []);
    const isWritten = await knownVoices.put(userId, { revision: newId(), voices }, row?.revision);
    return isWritten ? voices : CONFLICT;
  });

/** Detected speakers of a session, and what the user has changed of them. */
async function speakersOf(deps: KnownVoiceDeps, session: SessionRow) {
  const detected = speakersIn((await readJoined(deps, session)).joined, speakerLimitsOf(session));
  const { speakers = NO_SPEAKER_CHANGES } = await userChangesOf(deps.results, session);
  return [detected, speakers] as const;
}

async function voiceOf(deps: KnownVoiceDeps, session: SessionRow, speaker: string): Promise<MeasuredVoice> {
  const refuse = (why: string) => new DomainError('invalid', why);
  if (isNumber(speaker)) throw refuse('name the speaker first');
  const [detected, changes] = await speakersOf(deps, session);
  if (detected.length === 0) throw new DomainError('not-ready', 'this transcript has no speakers');
  const voice = voicesByLabel(detected, changes).get(speaker);
  if (voice === undefined) throw refuse(`this transcript has no speaker ${speaker} whose voice is known`);
  if (voice.seconds < MIN_VOICE_SECONDS) throw refuse(`${speaker} speaks for less than ${MIN_VOICE_SECONDS} s here`);
  return voice;
}

/** Saves the voice of a named speaker of the user's session; it replaces the one with this name. @throws DomainError */
export async function saveKnownVoice(
  deps: KnownVoiceDeps,
  session: SessionRow,
  speaker: string,
): Promise<z.infer<typeof SavedVoice>> {
  allowed(deps);
  const voice = await voiceOf(deps, session, speaker);
  const [id, saved_at_ms] = [deps.newId(), deps.nowMs()];
  const saved = await change(deps, session.user_id, (voices) => {
    const others = voices.filter(({ name }) => name !== speaker);
    if (others.length >= MAX_KNOWN_VOICES)
      throw new DomainError('invalid', `a user can have ${MAX_KNOWN_VOICES} known voices; delete one first`);
    const former = voices.find(({ name }) => name === speaker);
    return [...others, { ...voice, id: former?.id ?? id, name: speaker, saved_at_ms }];
  });
  return viewOf(saved.at(-1) as KnownVoice);
}

/** Deletes a known voice, if it exists. */
export async function deleteKnownVoice(deps: KnownVoiceDeps, userId: string, id: string): Promise<void> {
  allowed(deps);
  await change(deps, userId, (voices) => voices.filter((voice) => voice.id !== id));
}

/** Deletes all known voices of a user, also if the stage allows none any more. Whatever deletes a user must call it. */
export const deleteKnownVoices = ({ knownVoices }: Pick<KnownVoiceDeps, 'knownVoices'>, userId: string): Promise<void> =>
  knownVoices.remove(userId);

/** Names that the known voices of the session's owner suggest. */
export async function suggestSpeakers(deps: KnownVoiceDeps, session: SessionRow): Promise<SpeakerSuggestion[]> {
  allowed(deps);
  const { voices = [] } = (await deps.knownVoices.get(session.user_id)) ?? {};
  return voices.length === 0 ? [] : suggestionsOf(...(await speakersOf(deps, session)), voices);
}
