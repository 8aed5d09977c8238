/** A dialog with a form. It closes after a successful submit and shows the error otherwise. */
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { errorMessage } from '../api/client.ts';
import { Notice } from './parts.tsx';

interface FormDialogProps {
  readonly title: string;
  readonly submitLabel: string;
  submit(): Promise<void>;
  /** A second submit button. */
  readonly other?: { readonly label: string; submit(): Promise<void> } | undefined;
  close(): void;
  readonly children: ComponentChildren;
}

export function FormDialog({ title, submitLabel, submit, other, close, children }: FormDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [error, setError] = useState('');
  const [isBusy, setBusy] = useState(false);
  const id = useId();
  useEffect(() => dialog.current?.showModal(), []);
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    setBusy(true);
    try {
      await work();
      close();
    } catch (failed) {
      setError(errorMessage(failed));
      setBusy(false);
    }
  };
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={close}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void attempt(submit);
        }}
      >
        <h2 id={id}>{title}</h2>
        {children}
        {error && (
          <Notice tone="bad">
            <p>{error}</p>
          </Notice>
        )}
        <div class="row">
          <button type="submit" class="button primary" disabled={isBusy}>
            {submitLabel}
          </button>
          {other && (
            <button type="button" class="button" disabled={isBusy} onClick={() => void attempt(other.submit)}>
              {other.label}
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
