/** Changes the speakers of a transcript. The changes are stored with its edits, so that it is written again as after an edit. */
import type * as z from 'zod';
import type { SessionRow } from '../contracts/rows.ts';
import {
  type AssignSpeaker,
  MAX_PEOPLE,
  MAX_STRETCHES,
  type NameSpeaker,
  NO_SPEAKER_CHANGES,
  type SpeakerChanges,
} from '../contracts/speakers.ts';
import { DomainError } from '../errors.ts';
import { CONFLICT, optimistically } from '../optimistic.ts';
import type { SessionStore } from '../sessions/ports.ts';
import { speakersIn } from './join.ts';
import { type ReadDeps, readJoined } from './joined-parts.ts';
import { assigned, type Detected, isNumber, named, unnamed } from './people.ts';
import type { EditStore } from './save-edits.ts';

interface SpeakerDeps extends ReadDeps {
  readonly results: ReadDeps['results'] & EditStore;
  readonly sessions: Pick<SessionStore, 'noteEdits'>;
  readonly newId: () => string;
}

/** Returns the new version of the edits. @throws DomainError `not-ready` for a text without speakers; `invalid`; `busy` */
async function change(
  { results, chunks, sessions }: SpeakerDeps,
  session: SessionRow,
  changed: (before: SpeakerChanges, detected: readonly Detected[]) => SpeakerChanges,
): Promise<number> {
  const detected = speakersIn((await readJoined({ results, chunks }, session)).joined);
  if (detected.length === 0) throw new DomainError('not-ready', 'this transcript has no speakers');
  const version = await optimistically<number>('the transcript', async () => {
    const current = await results.readEdits(session);
    const speakers = changed(current?.speakers ?? NO_SPEAKER_CHANGES, detected);
    if (speakers.people.length > MAX_PEOPLE || speakers.stretches.length > MAX_STRETCHES)
      throw new DomainError('invalid', `at most ${MAX_PEOPLE} speakers can be named and ${MAX_STRETCHES} stretches assigned`);
    const next = { version: (current?.version ?? 0) + 1, edits: current?.edits ?? [], speakers };
    return (await results.writeEdits(session, next, current?.tag)) ? next.version : CONFLICT;
  });
  await sessions.noteEdits(session.session_id, version);
  return version;
}

/** Names a speaker, merges it with another one, or takes both back (empty name). Returns the version of the edits. */
export const nameSpeaker = (
  deps: SpeakerDeps,
  session: SessionRow,
  { speaker, name }: z.output<typeof NameSpeaker>,
): Promise<number> =>
  change(deps, session, (before, detected) => {
    if (name === '') return unnamed(before, detected, speaker);
    const after = named(before, detected, { label: speaker, name }, deps.newId);
    if (after !== undefined) return after;
    const what = isNumber(name) ? `${name} is no speaker of this transcript` : `this transcript has no speaker ${speaker}`;
    throw new DomainError('invalid', what);
  });

/** Assigns a stretch to a speaker. Returns the version of the edits. */
export const assignSpeaker = (
  deps: SpeakerDeps,
  session: SessionRow,
  { start, end, speaker }: z.output<typeof AssignSpeaker>,
): Promise<number> =>
  change(deps, session, (before, detected) => {
    const after = assigned(before, detected, { start, end, label: speaker }, deps.newId);
    if (after !== undefined) return after;
    throw new DomainError('invalid', `${speaker} is no speaker of this transcript`);
  });
