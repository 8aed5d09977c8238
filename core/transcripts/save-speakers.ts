/** Changes the speakers of a transcript. The changes are stored with its edits. */
import type * as z from 'zod';
import type { SessionRow } from '../contracts/rows.ts';
import {
  type AssignSpeaker,
  isNumber,
  MAX_PEOPLE,
  MAX_STRETCHES,
  type NameSpeaker,
  NO_SPEAKER_CHANGES,
  type SpeakerChanges,
} from '../contracts/speakers.ts';
import { DomainError } from '../errors.ts';
import { CONFLICT, optimistically } from '../optimistic.ts';
import { speakerLimitsOf } from '../recording-options.ts';
import type { SessionStore } from '../sessions/ports.ts';
import { speakersIn } from './join.ts';
import { type ReadDeps, readJoined } from './joined-parts.ts';
import type { StoredEdits, UserChanges } from './outcomes.ts';
import { assigned, type Detected, named, unnamed } from './people.ts';
import type { EditStore } from './save-edits.ts';

/** A transcript whose speakers are changed: of a recording or of a file. */
export interface SpokenTranscript {
  readonly detected: readonly Detected[];
  readEdits(): Promise<StoredEdits | undefined>;
  /** Replaces the edits with this tag (undefined: there are none); false if they are not the current ones. */
  writeEdits(changes: UserChanges, replaces: string | undefined): Promise<boolean>;
  /** Called with the version of edits that were written. */
  noteEdits?(version: number): Promise<void>;
  /** Ids of named speakers. */
  readonly newId: () => string;
}

interface SessionSpeakerDeps extends ReadDeps {
  readonly results: ReadDeps['results'] & EditStore;
  readonly sessions: Pick<SessionStore, 'noteEdits'>;
  readonly newId: () => string;
}

/** The transcript of a recording. It is written again after its edits have changed. */
export async function spokenSession(deps: SessionSpeakerDeps, session: SessionRow): Promise<SpokenTranscript> {
  const { results, sessions, newId } = deps;
  return {
    detected: speakersIn((await readJoined(deps, session)).joined, speakerLimitsOf(session)),
    readEdits: () => results.readEdits(session),
    writeEdits: (changes, replaces) => results.writeEdits(session, changes, replaces),
    noteEdits: (version) => sessions.noteEdits(session.session_id, version),
    newId,
  };
}

/** Returns the new version of the edits. @throws DomainError `not-ready` for a text without speakers; `invalid`; `busy` */
async function change(transcript: SpokenTranscript, changed: (before: SpeakerChanges) => SpeakerChanges): Promise<number> {
  if (transcript.detected.length === 0) throw new DomainError('not-ready', 'this transcript has no speakers');
  const version = await optimistically<number>('the transcript', async () => {
    const current = await transcript.readEdits();
    const speakers = changed(current?.speakers ?? NO_SPEAKER_CHANGES);
    if (speakers.people.length > MAX_PEOPLE || speakers.stretches.length > MAX_STRETCHES)
      throw new DomainError('invalid', `at most ${MAX_PEOPLE} speakers can be named and ${MAX_STRETCHES} stretches assigned`);
    const next = { version: (current?.version ?? 0) + 1, edits: current?.edits ?? [], speakers };
    return (await transcript.writeEdits(next, current?.tag)) ? next.version : CONFLICT;
  });
  await transcript.noteEdits?.(version);
  return version;
}

/** Names a speaker, merges it with another one, or takes both back (empty name). Returns the version of the edits. */
export const nameSpeaker = (transcript: SpokenTranscript, { speaker, name }: z.output<typeof NameSpeaker>): Promise<number> =>
  change(transcript, (before) => {
    const { detected, newId } = transcript;
    if (name === '') return unnamed(before, detected, speaker);
    const after = named(before, detected, { label: speaker, name }, newId);
    if (after !== undefined) return after;
    const what = isNumber(name) ? `${name} is no speaker of this transcript` : `this transcript has no speaker ${speaker}`;
    throw new DomainError('invalid', what);
  });

/** Assigns a stretch to a speaker. Returns the version of the edits. */
export const assignSpeaker = (
  transcript: SpokenTranscript,
  { start, end, speaker }: z.output<typeof AssignSpeaker>,
): Promise<number> =>
  change(transcript, (before) => {
    const after = assigned(before, transcript.detected, { start, end, label: speaker }, transcript.newId);
    if (after !== undefined) return after;
    throw new DomainError('invalid', `${speaker} is no speaker of this transcript`);
  });
