import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { inWords } from '../api/client.ts';
import { clock } from '../ui/format.ts';
import { Notice } from '../ui/parts.tsx';

export interface EditWish {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** These words are an edit already, which can be taken back. */
  readonly isEdit: boolean;
}
interface EditDialogProps {
  readonly wish: EditWish;
  /** Undefined: what was heard is to stand again. */
  save(text: string | undefined): Promise<void>;
  close(): void;
}

/** Writes something in the place of what was heard. */
export function EditDialog({ wish, save, close }: EditDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState(wish.text);
  const [error, setError] = useState('');
  const [isBusy, setBusy] = useState(false);
  const id = useId();
  useEffect(() => dialog.current?.showModal(), []);
  const attempt = async (next: string | undefined): Promise<void> => {
    setBusy(true);
    try {
      await save(next);
      close();
    } catch (failed) {
      setError(inWords(failed));
      setBusy(false);
    }
  };
  return (
    <dialog ref={dialog} aria-labelledby={`${id}-title`} onClose={close}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void attempt(text.trim());
        }}
      >
        <h2 id={`${id}-title`}>
          Edit {clock(wish.start)} to {clock(wish.end)}
        </h2>
        <div class="field">
          <label for={id}>Text; leave it empty to take the words out</label>
          <input
            id={id}
            class="input"
            maxLength={2000}
            value={text}
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
        </div>
        {error && (
          <Notice tone="bad">
            <p>{error}</p>
          </Notice>
        )}
        <div class="row">
          <button type="submit" class="button primary" disabled={isBusy}>
            Save
          </button>
          {wish.isEdit && (
            <button type="button" class="button" disabled={isBusy} onClick={() => void attempt(undefined)}>
              As it was heard
            </button>
          )}
          <button type="button" class="button quiet" onClick={close}>
            Cancel
          </button>
        </div>
      </form>
    </dialog>
  );
}
