import { useId } from 'preact/hooks';
import { isEnglishOnly, LANGUAGES, languagesOf } from '../../../core/contracts/languages.ts';
import { config } from '../config.ts';

/** The default model of the stage; empty when the configuration lists none. */
export const defaultModel = (): string => config().models[0] ?? '';

/** The language if the model supports it; empty: detect the language, or the model is English-only. */
export const supportedLanguage = (language: string, model: string): string =>
  !isEnglishOnly(model) && languagesOf(model).includes(language) ? language : '';

interface LanguageFieldProps {
  readonly value: string;
  readonly model: string;
  readonly disabled?: boolean;
  change(language: string): void;
}

/** Selects a language by name. For an English-only model the field is disabled, with a note. */
export function LanguageField({ value, model, disabled = false, change }: LanguageFieldProps) {
  const id = useId();
  const isEnglish = isEnglishOnly(model);
  const names = languagesOf(model)
    .map((code) => ({ code, name: LANGUAGES[code] ?? code }))
    .sort((a, b) => a.name.localeCompare(b.name));
  return (
    <div class="field">
      <label for={id}>Language</label>
      <select
        id={id}
        class="input"
        value={supportedLanguage(value, model)}
        disabled={disabled || isEnglish}
        aria-describedby={isEnglish ? `${id}-note` : undefined}
        onChange={({ currentTarget }) => change(currentTarget.value)}
      >
        <option value="">{isEnglish ? 'English' : 'Detect automatically'}</option>
        {!isEnglish &&
          names.map(({ code, name }) => (
            <option key={code} value={code}>
              {name}
            </option>
          ))}
      </select>
      {isEnglish && (
        <p class="small soft" id={`${id}-note`}>
          The model {model} supports English only.
        </p>
      )}
    </div>
  );
}
