import { useId, useState } from 'preact/hooks';
import { FormDialog } from '../ui/form-dialog.tsx';
import { clock } from '../ui/format.ts';

export interface EditedSpan {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** Whether these words are already an edit, which can be removed. */
  readonly isEdit: boolean;
}
interface EditDialogProps {
  readonly span: EditedSpan;
  /** Undefined restores the recognized text. */
  save(text: string | undefined): Promise<void>;
  close(): void;
}

/** Replaces recognized words with edited text. */
export function EditDialog({ span, save, close }: EditDialogProps) {
  const [text, setText] = useState(span.text);
  const id = useId();
  return (
    <FormDialog
      title={`Edit ${clock(span.start)} to ${clock(span.end)}`}
      submitLabel="Save"
      submit={() => save(text.trim())}
      other={span.isEdit ? { label: 'Restore the original', submit: () => save(undefined) } : undefined}
      close={close}
    >
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
    </FormDialog>
  );
}
