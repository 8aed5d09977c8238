import { useId, useState } from 'preact/hooks';
import { FormDialog } from '../ui/form-dialog.tsx';

/** A field for the name of a speaker, which suggests those of the transcript. */
export function SpeakerField({ label, value, names, change }: SpeakerFieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        class="input"
        maxLength={100}
        list={`${id}-names`}
        value={value}
        onInput={({ currentTarget }) => change(currentTarget.value)}
      />
      <datalist id={`${id}-names`}>
        {names.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </div>
  );
}
interface SpeakerFieldProps {
  readonly label: string;
  readonly value: string;
  readonly names: readonly string[];
  change(name: string): void;
}

interface SpeakerDialogProps {
  readonly speaker: string;
  /** All speakers of the transcript. */
  readonly names: readonly string[];
  /** An empty name takes back the name. */
  save(name: string): Promise<void>;
  close(): void;
}

const isNumber = (speaker: string): boolean => /^S\d+$/.test(speaker);

/** Names a speaker of the transcript. */
export function SpeakerDialog({ speaker, names, save, close }: SpeakerDialogProps) {
  const [name, setName] = useState(isNumber(speaker) ? '' : speaker);
  return (
    <FormDialog
      title={`Name of ${speaker}`}
      submitLabel="Save"
      submit={() => save(name.trim())}
      other={isNumber(speaker) ? undefined : { label: 'Take back the name', submit: () => save('') }}
      close={close}
    >
      <SpeakerField
        label="Name (that of another speaker merges the two)"
        value={name}
        names={names.filter((one) => one !== speaker)}
        change={setName}
      />
    </FormDialog>
  );
}
