/** Speakers of a transcript as a user has changed them: named, merged, and assigned to stretches. */
import * as z from 'zod';
import { text } from './fields.ts';

/** Voice of a speaker, as the worker measured it in one chunk or part of a file. */
export const Voice = z.object({
  /** Embedding, int8 as base64. */
  voice: z.string(),
  /** Seconds of speech that it was measured on. */
  seconds: z.number(),
  /** Speaker model that measured it; absent in results of older workers. Voices of different models cannot be compared. */
  model: z.string().optional(),
});
export type Voice = z.infer<typeof Voice>;

/** A speaker whom a user has named, merged or assigned. Voices belong to people, so that names stay when a text is made again. */
const Person = z.object({
  id: z.string(),
  /** Absent: the speaker keeps its number. */
  name: z.string().optional(),
  voices: z.array(Voice),
  /** Audio channels, if each channel is a speaker. */
  channels: z.array(z.number().int()),
});
export type Person = z.infer<typeof Person>;

/** The words whose middle lies in it are those of this person. */
const Stretch = z.object({ start: z.number(), end: z.number(), person: z.string() });

/** What users have changed; stored with the edits of a transcript. */
export const SpeakerChanges = z.object({ people: z.array(Person), stretches: z.array(Stretch) });
export type SpeakerChanges = z.infer<typeof SpeakerChanges>;

/** Numbers of speakers that a user knows, as rows contain them; absent: any number. */
export const SpeakerNumbers = z.object({
  min_speakers: z.number().int().optional(),
  max_speakers: z.number().int().optional(),
});
export type SpeakerNumbers = z.infer<typeof SpeakerNumbers>;

/** Whether a label is the number of a detected speaker. People cannot be named like that. */
export const isNumber = (label: string): boolean => /^S\d+$/.test(label);

/** A speaker that was detected in a file; stored with the file's transcript. */
export const DetectedSpeaker = z.object({
  /** Its number, as a label. */
  label: z.string(),
  /** Mean of its voices; absent for a channel. */
  voice: Voice.optional(),
  channel: z.number().int().optional(),
});

export const NO_SPEAKER_CHANGES: SpeakerChanges = { people: [], stretches: [] };
/** More speakers cannot be requested. gpu_worker/service/http/requests.py has the same limit. */
export const MAX_SPEAKERS = 50;
export const MAX_PEOPLE = 200;
export const MAX_STRETCHES = 5000;

export const MAX_SPEAKER_NAME = 100;
export const NameSpeaker = z.strictObject({
  speaker: text(1, MAX_SPEAKER_NAME).meta({ description: 'A speaker as the transcript names it.' }),
  name: text(0, MAX_SPEAKER_NAME).meta({
    description:
      'Its name. If it is another speaker of the transcript, the two are merged. An empty name takes back the name, and what was merged or assigned.',
  }),
});
export const AssignSpeaker = z
  .strictObject({
    start: z.number().min(0),
    end: z.number(),
    speaker: text(1, MAX_SPEAKER_NAME).meta({ description: 'A speaker of the transcript, or the name of a new one.' }),
  })
  .refine(({ start, end }) => end > start, 'end must be after start');
