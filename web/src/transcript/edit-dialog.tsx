import { useId, useState } from 'preact/hooks';
import { FormDialog } from '../ui/form-dialog.tsx';
import { clock } from '../ui/format.ts';
import { SpeakerField } from './speaker-dialog.tsx';

export interface EditedSpan {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** Whether these words are already an edit, which can be removed. */
  readonly isEdit: boolean;
  /** Undefined in a transcript without speakers. */
  readonly speaker: string | undefined;
}
interface EditDialogProps {
  readonly span: EditedSpan;
  /** Undefined restores the recognized text. Without this function, only the speaker can be changed. */
  readonly save: ((text: string | undefined) => Promise<void>) | undefined;
  /** Assigns the words to a speaker. */
  assign(speaker: string): Promise<void>;
  /** All speakers of the transcript. */
  readonly speakers: readonly string[];
  close(): void;
}

/** Replaces recognized words with edited text, or assigns them to another speaker. */
export function EditDialog({ span, save, assign, speakers, close }: EditDialogProps) {
  const [text, setText] = useState(span.text);
  const [speaker, setSpeaker] = useState(span.speaker ?? '');
  const submit = async (): Promise<void> => {
    if (text.trim() !== span.text) await save?.(text.trim());
    if (speaker.trim() !== '' && speaker.trim() !== span.speaker) await assign(speaker.trim());
  };
  const id = useId();
  return (
    <FormDialog
      title={`${save ? 'Edit' : 'Speaker from'} ${clock(span.start)} to ${clock(span.end)}`}
      submitLabel="Save"
      submit={submit}
      other={save && span.isEdit ? { label: 'Restore the original', submit: () => save(undefined) } : undefined}
      close={close}
    >
      {save && (
        <div class="field">
          <label for={id}>Text (leave it empty to remove the words)</label>
          <input
            id={id}
            class="input"
            maxLength={2000}
            value={text}
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
        </div>
      )}
      {span.speaker !== undefined && <SpeakerField label="Speaker" value={speaker} names={speakers} change={setSpeaker} />}
    </FormDialog>
  );
}
