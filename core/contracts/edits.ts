/** A user's edits of a transcript: texts for spans of time. */
import * as z from 'zod';
import { text } from './fields.ts';

const MAX_EDITS = 5000;
const Edit = z
  .strictObject({
    start: z.number().min(0),
    end: z.number(),
    /** Replaces the text of the span; empty: removes it. */
    text: text(0, 2000),
  })
  .refine(({ start, end }) => end > start, 'end must be after start');
export type Edit = z.infer<typeof Edit>;

const areDisjoint = (edits: readonly Edit[]): boolean => {
  const ordered = [...edits].sort((a, b) => a.start - b.start);
  return ordered.every((edit, i) => edit.start >= (ordered[i - 1]?.end ?? 0));
};

export const Edits = z.strictObject({
  /** Version that these edits replace; 0 for the first ones. */
  version: z.number().int().min(0),
  edits: z.array(Edit).max(MAX_EDITS).refine(areDisjoint, 'spans of edits must not overlap'),
});
export type Edits = z.infer<typeof Edits>;
