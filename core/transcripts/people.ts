/**
 * Names the speakers of a transcript. A speaker that was detected is a group of similar voices, or an audio channel. It has a number
 * (`S1`, `S2`, …) until a user names it.
 *
 * A user's names belong to voices: each group is the person with the most similar voice, if any is similar enough. So names stay
 * when chunks are transcribed again, and two groups with one person are one speaker.
 */
import { isNumber, type Person, type SpeakerChanges, type Voice } from '../contracts/speakers.ts';
import { likeness } from './clustering.ts';

/** A speaker that was detected. */
export interface Detected {
  /** Its number, as a label. */
  readonly label: string;
  /** Mean of its voices; undefined for a channel. */
  readonly voice?: Voice | undefined;
  readonly channel?: number | undefined;
}

const distance = (a: Voice, b: Voice): number => likeness({ ...a, seconds: 1 }, { ...b, seconds: 1 }).cost;

/**
 * Whether a detected voice can be this known one. Detected voices that are similar to each other are two speakers only because the
 * user says how many there are; then a known voice is only the nearest of them.
 */
function canBe(voice: Voice, known: Voice, detected: readonly Detected[]): boolean {
  const nearer = detected.filter((other) => other.voice && distance(other.voice, known) < distance(voice, known));
  return !nearer.some((other) => other.voice && likeness(other.voice, voice).isSame);
}

/** The person who a detected speaker is; undefined if no one's voice is similar enough. */
function personOf({ voice, channel }: Detected, detected: readonly Detected[], people: readonly Person[]): Person | undefined {
  if (channel !== undefined) return people.find(({ channels }) => channels.includes(channel));
  if (voice === undefined) return undefined;
  const alike = people.flatMap((person) =>
    person.voices.map((known) => ({ person, known, ...likeness(voice, known) })).filter(({ isSame }) => isSame),
  );
  const possible = alike.filter(({ known }) => canBe(voice, known, detected));
  return possible.sort((a, b) => a.cost - b.cost)[0]?.person;
}

/** Labels of detected speakers and of people. */
export interface Labels {
  /** By label of the detected speaker. */
  readonly detected: ReadonlyMap<string, string>;
  /** By id of the person. */
  readonly people: ReadonlyMap<string, string>;
}

/** A person without a name has the number of the first of their detected speakers. */
export function labelsOf(detected: readonly Detected[], { people }: SpeakerChanges): Labels {
  const known = new Map<string, string>(people.flatMap(({ id, name }) => (name === undefined ? [] : [[id, name] as const])));
  const labels = new Map<string, string>();
  for (const one of detected) {
    const person = personOf(one, detected, people);
    const label = (person && known.get(person.id)) ?? one.label;
    if (person !== undefined) known.set(person.id, label);
    labels.set(one.label, label);
  }
  return { detected: labels, people: known };
}

/** The person with this label, and the changes with them among the people; undefined if the transcript has no such speaker. */
function withPerson(
  changes: SpeakerChanges,
  detected: readonly Detected[],
  label: string,
  newId: () => string,
): { readonly person: Person; readonly changes: SpeakerChanges } | undefined {
  const labels = labelsOf(detected, changes);
  const known = changes.people.find(({ id }) => labels.people.get(id) === label);
  if (known !== undefined) return { person: known, changes };
  const own = detected.filter((one) => labels.detected.get(one.label) === label);
  if (own.length === 0) return undefined;
  const person: Person = {
    id: newId(),
    voices: own.flatMap(({ voice }) => voice ?? []),
    channels: own.flatMap(({ channel }) => channel ?? []),
  };
  return { person, changes: { ...changes, people: [...changes.people, person] } };
}

/**
 * Names a speaker. If another one has this label, the two become one.
 * @returns undefined if the transcript has no speaker with the label, or the name is the number of no speaker
 */
export function named(
  before: SpeakerChanges,
  detected: readonly Detected[],
  { label, name }: { readonly label: string; readonly name: string },
  newId: () => string,
): SpeakerChanges | undefined {
  const found = withPerson(before, detected, label, newId);
  if (found === undefined || label === name) return found && before;
  const { person } = found;
  const other = withPerson(found.changes, detected, name, newId);
  if (other === undefined && isNumber(name)) return undefined;
  const { people, stretches } = other?.changes ?? found.changes;
  const gone = other?.person;
  const whole: Person = {
    ...person,
    name: gone === undefined ? name : (gone.name ?? (isNumber(name) ? person.name : name)),
    voices: [...person.voices, ...(gone?.voices ?? [])],
    channels: [...person.channels, ...(gone?.channels ?? [])],
  };
  return {
    people: people.filter(({ id }) => id !== gone?.id).map((one) => (one.id === person.id ? whole : one)),
    stretches: stretches.map((one) => (one.person === gone?.id ? { ...one, person: person.id } : one)),
  };
}

/** Takes back the name of a speaker, and what was merged with it. Stretches that were assigned to it are as detected again. */
export function unnamed(before: SpeakerChanges, detected: readonly Detected[], label: string): SpeakerChanges {
  const labels = labelsOf(detected, before);
  const gone = before.people.find(({ id }) => labels.people.get(id) === label)?.id;
  return {
    people: before.people.filter(({ id }) => id !== gone),
    stretches: before.stretches.filter(({ person }) => person !== gone),
  };
}

/**
 * Assigns a stretch to a speaker, or to a new one with this name. A later assignment replaces earlier ones where they overlap.
 * @returns undefined if the label is the number of no speaker
 */
export function assigned(
  before: SpeakerChanges,
  detected: readonly Detected[],
  { start, end, label }: { readonly start: number; readonly end: number; readonly label: string },
  newId: () => string,
): SpeakerChanges | undefined {
  const created = () => {
    const person: Person = { id: newId(), name: label, voices: [], channels: [] };
    return { person, changes: { ...before, people: [...before.people, person] } };
  };
  const known = withPerson(before, detected, label, newId);
  if (known === undefined && isNumber(label)) return undefined;
  const { person, changes } = known ?? created();
  const others = changes.stretches.flatMap((one) => [
    { ...one, end: Math.min(one.end, start) },
    { ...one, start: Math.max(one.start, end) },
  ]);
  const kept = others.filter((one) => one.end > one.start);
  return { ...changes, stretches: [...kept, { start, end, person: person.id }].sort((a, b) => a.start - b.start) };
}
