/** Validates the model and language of a request against the models of the stage, before anything is stored. */
import { isEnglishOnly, LANGUAGES, languageName, languagesOf } from '../contracts/languages.ts';
import { DomainError } from '../errors.ts';

/** Options of a request. Undefined: the stage's model, a detected language. */
export interface ModelChoice {
  readonly language?: string | undefined;
  readonly model?: string | undefined;
}

const OTHER_MODEL = 'set the option model of the stage (on the local host: npm start -- --model small)';

/** How the user gets a model that supports the language. */
function alternativeFor(language: string, models: readonly string[]): string {
  const supporting = models.filter((model) => languagesOf(model).includes(language));
  return supporting.length > 0 ? `request model ${supporting.join(' or ')}` : OTHER_MODEL;
}

/**
 * Returns the model to use. `models`: those of the stage, its default first; `selectable`: whether this call accepts a model.
 * @throws DomainError `invalid` for a model that the stage lacks, or a language that the model does not support
 */
export function admitChoice({ language, model }: ModelChoice, models: readonly string[], selectable = true): string {
  const chosen = model ?? models[0] ?? '';
  if (!models.includes(chosen))
    throw new DomainError('invalid', `this stage has no model ${chosen}; it has ${models.join(', ')}`, { models });
  const known = languagesOf(chosen);
  if (language === undefined || known.includes(language)) return chosen;
  const knows = isEnglishOnly(chosen) ? 'supports English only' : `does not support ${languageName(language)}`;
  const alternative = selectable ? alternativeFor(language, models) : OTHER_MODEL;
  throw new DomainError('invalid', `the model ${chosen} ${knows}; omit the language, or use another model: ${alternative}`, {
    languages: Object.fromEntries(known.map((code) => [code, LANGUAGES[code]])),
    models,
  });
}
