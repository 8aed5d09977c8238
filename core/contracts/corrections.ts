/** What a user has corrected in all their text, and the words that are counted in it. */
import * as z from 'zod';

const MAX_RULES = 500;
const MAX_TARGET_WORDS = 500;
/** Characters of a rule's pattern and of its replacement. */
export const MAX_PATTERN = 500;

const CorrectionRule = z.strictObject({
  /** `literal`: anywhere; `word`: one whole word; `phrase`: whole words, any white space between; `regex`: RE2. */
  kind: z.enum(['literal', 'word', 'phrase', 'regex']),
  match: z.string().min(1).max(MAX_PATTERN),
  /** Taken as it is, except that a regex may name its groups as $1 or ${name}. */
  replace: z.string().max(MAX_PATTERN),
  caseSensitive: z.boolean().default(false),
});
export type CorrectionRule = z.infer<typeof CorrectionRule>;

export const Corrections = z.strictObject({
  rules: z.array(CorrectionRule).max(MAX_RULES).default([]),
  /** Counted as whole words or phrases, whatever their case. */
  targetWords: z.array(z.string().trim().min(1).max(100)).max(MAX_TARGET_WORDS).default([]),
});
export type Corrections = z.infer<typeof Corrections>;
