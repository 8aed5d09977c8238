/** Notes at a time of a recording: of its user, or of the recorder about an interruption. */
import * as z from 'zod';
import { text } from './fields.ts';
import { MAX_CHUNK_NUMBER, MAX_CHUNK_SECONDS } from './limits.ts';

export const MAX_NOTES = 1000;

export const NoteId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'an id of letters, digits, _ and -');

export const PutNote = z.strictObject({
  text: text(1, 2000),
  chunkNumber: z.number().int().min(1).max(MAX_CHUNK_NUMBER),
  seconds: z.number().min(0).max(MAX_CHUNK_SECONDS).meta({ description: "Seconds from the chunk's beginning." }),
  kind: z
    .enum(['note', 'interruption'])
    .default('note')
    .meta({ description: '`interruption`: audio is missing here, or another microphone continues; written by the recorder.' }),
  lostSeconds: z
    .number()
    .min(0)
    .optional()
    .meta({ description: 'Of an interruption: how long nothing was recorded. No time passes in the recording meanwhile.' }),
});

export const Note = PutNote.extend({
  id: NoteId,
  kind: z.enum(['note', 'interruption']),
  /** Absent until the chunk has arrived. */
  at: z.number().optional().meta({ description: "Seconds from the recording's beginning; absent until the chunk has arrived." }),
});
export type Note = z.infer<typeof Note>;

export const Notes = z.strictObject({ notes: z.array(Note) });
