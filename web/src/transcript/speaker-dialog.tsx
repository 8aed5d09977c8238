import { useId, useRef, useState } from 'preact/hooks';
import { isNumber } from '../../../core/contracts/speakers.ts';
import { FormDialog } from '../ui/form-dialog.tsx';
import { useLoaded } from '../ui/use-loaded.ts';

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

/** The user's known voices, for the speakers of one transcript. */
export interface KnownVoices {
  /** Names that the voices suggest for speakers without one. */
  suggestions(): Promise<readonly { readonly speaker: string; readonly name: string }[]>;
  /** Saves the voice of a named speaker. */
  remember(speaker: string): Promise<void>;
}

interface SpeakerDialogProps {
  readonly speaker: string;
  /** All speakers of the transcript. */
  readonly names: readonly string[];
  /** Undefined if the stage has none. */
  readonly voices?: KnownVoices | undefined;
  /** An empty name takes back the name. */
  save(name: string): Promise<void>;
  close(): void;
}

/** The second button: the suggested name for a speaker without one; otherwise, the name is taken back. */
function otherButton(speaker: string, suggested: string | undefined, save: (name: string) => Promise<void>) {
  if (!isNumber(speaker)) return { label: 'Take back the name', submit: () => save('') };
  return suggested === undefined ? undefined : { label: 'Use this name', submit: () => save(suggested) };
}

/** Names a speaker of the transcript. With known voices, it suggests a name and can save the voice. */
export function SpeakerDialog({ speaker, names, voices, save, close }: SpeakerDialogProps) {
  const [name, setName] = useState(isNumber(speaker) ? '' : speaker);
  const [isRemembered, setRemembered] = useState(false);
  /** What the transcript calls the speaker now: after the name is saved, saving the voice can still fail. */
  const current = useRef(speaker);
  // Fails for those who may not save the voices of this recording.
  const suggestions = useLoaded(speaker, async () => voices?.suggestions()).value;
  const suggested = suggestions?.find((one) => one.speaker === speaker)?.name;
  const submit = async (): Promise<void> => {
    const chosen = name.trim();
    if (chosen !== current.current) await save(chosen);
    current.current = chosen || speaker;
    if (isRemembered && chosen !== '') await voices?.remember(chosen);
  };
  return (
    <FormDialog
      title={`Name of ${speaker}`}
      submitLabel="Save"
      submit={submit}
      other={otherButton(speaker, suggested, save)}
      close={close}
    >
      {suggested !== undefined && (
        <p>
          Sounds like <strong>{suggested}</strong>.
        </p>
      )}
      <SpeakerField
        label="Name (that of another speaker merges the two)"
        value={name}
        names={names.filter((one) => one !== speaker)}
        change={setName}
      />
      {suggestions && (
        <label class="switch">
          <input type="checkbox" checked={isRemembered} onChange={({ currentTarget }) => setRemembered(currentTarget.checked)} />
          <span>
            Remember this voice
            <span class="small soft">
              {' '}
              A voice print, which is biometric data, is stored until you delete it on the page Words.
            </span>
          </span>
        </label>
      )}
    </FormDialog>
  );
}
