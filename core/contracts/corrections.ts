/** Correction rules that apply to all of a user's text, and target words that are counted in it. */
import * as z from 'zod';
import { text } from './fields.ts';

const MAX_RULES = 500;
const MAX_TARGET_WORDS = 500;
/** Longest pattern and longest replacement of a rule, in characters. */
export const MAX_PATTERN = 500;

const CorrectionRule = z.strictObject({
  /** `literal`: anywhere; `word`: one whole word; `phrase`: whole words with any white space between them; `regex`: RE2. */
  kind: z.enum(['literal', 'word', 'phrase', 'regex']),
  match: text(1, MAX_PATTERN),
  /** Literal text. In a `regex` rule, $1 and ${name} refer to groups. */
  replace: text(0, MAX_PATTERN),
  caseSensitive: z.boolean().default(false),
});
export type CorrectionRule = z.infer<typeof CorrectionRule>;

const Rules = z.array(CorrectionRule).max(MAX_RULES);
/** Counted as whole words or phrases, case-insensitively. */
const TargetWords = z.array(text(1, 100, z.string().trim())).max(MAX_TARGET_WORDS);

export const Corrections = z.strictObject({ rules: Rules.default([]), targetWords: TargetWords.default([]) });
export type Corrections = z.infer<typeof Corrections>;

export const ChangeCorrections = z.strictObject({
  rules: Rules.optional().meta({ description: 'If absent, the rules stay unchanged.' }),
  targetWords: TargetWords.optional().meta({ description: 'If absent, the target words stay unchanged.' }),
  version: z.number().int().min(0).optional().meta({
    description:
      'Version that this change replaces, as returned by GET. If it is not the newest, the call fails with 409 `corrections-changed`. If absent, the newest version is replaced.',
  }),
});
export type ChangeCorrections = z.infer<typeof ChangeCorrections>;

/** A user's corrections, as calls return them. */
export const SavedCorrections = Corrections.extend({
  version: z.number().int(),
  applied: z.boolean().meta({ description: 'Whether all chunks and transcripts reflect these corrections.' }),
  skippedRules: z
    .array(z.number().int().min(0))
    .optional()
    .meta({ description: 'Zero-based indexes of rules that are not applied, because they are invalid or would take too long.' }),
});
export type SavedCorrections = z.infer<typeof SavedCorrections>;
