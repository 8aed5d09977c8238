/** What a person has written over a transcript: text for spans of time. */
import * as z from 'zod';

const MAX_EDITS = 5000;
const Edit = z
  .strictObject({
    start: z.number().min(0),
    end: z.number(),
    /** Empty: what was heard there is left out. */
    text: z.string().max(2000),
  })
  .refine(({ start, end }) => end > start, 'end must be after start');
export type Edit = z.infer<typeof Edit>;

const apart = (edits: readonly Edit[]): boolean => {
  const ordered = [...edits].sort((a, b) => a.start - b.start);
  return ordered.every((edit, i) => edit.start >= (ordered[i - 1]?.end ?? 0));
};

export const Edits = z.strictObject({
  /** The version that these take the place of; 0 for the first. */
  version: z.number().int().min(0),
  edits: z.array(Edit).max(MAX_EDITS).refine(apart, 'spans of edits must not overlap'),
});
export type Edits = z.infer<typeof Edits>;
