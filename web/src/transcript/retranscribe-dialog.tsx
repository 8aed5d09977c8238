import { useId, useState } from 'preact/hooks';
import { config } from '../config.ts';
import { FormDialog } from '../ui/form-dialog.tsx';
import { defaultModel, LanguageField, supportedLanguage } from '../ui/language-field.tsx';

export interface RetranscribeOptions {
  readonly model: string;
  /** `auto`: the language is detected. */
  readonly language: string;
}

interface RetranscribeDialogProps {
  /** Model and language of the current text. */
  readonly model: string | undefined;
  readonly language: string | undefined;
  submit(options: RetranscribeOptions): Promise<void>;
  close(): void;
}

/** Asks for the model and language of a new transcription. */
export function RetranscribeDialog({ submit, close, ...current }: RetranscribeDialogProps) {
  const { models } = config();
  const [model, setModel] = useState(
    current.model !== undefined && models.includes(current.model) ? current.model : defaultModel(),
  );
  const [language, setLanguage] = useState(current.language ?? '');
  const id = useId();
  return (
    <FormDialog
      title="Transcribe again"
      submitLabel="Transcribe again"
      submit={() => submit({ model, language: supportedLanguage(language, model) || 'auto' })}
      close={close}
    >
      <p>The current text stays until the new one is complete.</p>
      {models.length > 1 && (
        <div class="field">
          <label for={id}>Model</label>
          <select id={id} class="input" value={model} onChange={({ currentTarget }) => setModel(currentTarget.value)}>
            {models.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </div>
      )}
      <LanguageField value={language} model={model} change={setLanguage} />
    </FormDialog>
  );
}
