/** Shared components: tags, notices, loading, empty and error states, confirmations and menus. */
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { Icon, type IconName } from './icon.tsx';

export type Tone = 'good' | 'warn' | 'bad' | 'busy' | '';

export const Tag = ({ tone = '', children }: { readonly tone?: Tone; readonly children: ComponentChildren }) => (
  <span class={`tag ${tone}`}>{children}</span>
);

/** A message to the user. Screen readers announce errors at once. */
export const Notice = ({ tone = '', children }: { readonly tone?: Tone; readonly children: ComponentChildren }) => (
  <div class={`notice ${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
    {children}
  </div>
);

export const Failed = ({ what, retry }: { readonly what: string; readonly retry?: () => void }) => (
  <Notice tone="bad">
    <p>{what}</p>
    {retry && (
      <button type="button" class="button" onClick={retry}>
        Try again
      </button>
    )}
  </Notice>
);

/** Shown when a page has stopped refreshing. */
export const NOTHING_NEW = 'Nothing has changed for half an hour, so this page has stopped refreshing.';

export const Empty = ({ icon, children }: { readonly icon: IconName; readonly children: ComponentChildren }) => (
  <div class="empty">
    <Icon name={icon} />
    {children}
  </div>
);

export const Loading = ({ what }: { readonly what: string }) => (
  <div class="stack" role="status">
    <span class="visually-hidden">{what} is loading</span>
    <div class="skeleton" />
    <div class="skeleton tall" />
  </div>
);

/** Makes a wide table scroll horizontally, also with the keyboard. */
export const TableBox = ({ label, children }: { readonly label: string; readonly children: ComponentChildren }) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: keyboard users must be able to scroll it
  <section class="table-box" aria-label={label} tabIndex={0}>
    {children}
  </section>
);

/** A confirmation dialog for actions that cannot be undone. `confirm` opens it; render `dialog`. */
export function useConfirmation(): { readonly dialog: ComponentChildren; confirm(question: Confirmation): void } {
  const [question, setQuestion] = useState<Confirmation | undefined>();
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  useEffect(() => {
    if (question !== undefined && dialog.current?.open === false) dialog.current.showModal();
  }, [question]);
  const close = (): void => {
    dialog.current?.close();
    setQuestion(undefined);
  };
  return {
    confirm: setQuestion,
    dialog: question && (
      <dialog ref={dialog} aria-labelledby={title} onClose={close}>
        <div class="stack">
          <h2 id={title}>{question.title}</h2>
          <p>{question.text}</p>
          <div class="row">
            <button
              type="button"
              class="button danger"
              onClick={() => {
                close();
                question.yes();
              }}
            >
              {question.button}
            </button>
            <button type="button" class="button" onClick={close}>
              Cancel
            </button>
          </div>
        </div>
      </dialog>
    ),
  };
}
export interface Confirmation {
  readonly title: string;
  readonly text: string;
  readonly button: string;
  yes(): void;
}

/** A button that opens a menu. Escape, a click outside and moving the focus outside close it. */
export function Menu({
  label,
  icon,
  items,
}: {
  readonly label: string;
  readonly icon: IconName;
  readonly items: readonly MenuItem[];
}) {
  const [isOpen, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!isOpen) return;
    const closeOutside = (event: Event): void => {
      if (event.target instanceof Node && box.current?.contains(event.target)) return;
      setOpen(false);
    };
    document.addEventListener('pointerdown', closeOutside);
    document.addEventListener('focusin', closeOutside);
    return () => {
      document.removeEventListener('pointerdown', closeOutside);
      document.removeEventListener('focusin', closeOutside);
    };
  }, [isOpen]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape closes the menu from any element inside it
    <div
      class="menu"
      ref={box}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || !isOpen) return;
        setOpen(false);
        button.current?.focus();
      }}
    >
      <button type="button" class="button" ref={button} aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <Icon name={icon} />
        {label}
      </button>
      {isOpen && (
        <div class="menu-items">
          {items.map(({ label: name, choose }) => (
            <button
              type="button"
              class="button quiet"
              key={name}
              onClick={() => {
                setOpen(false);
                choose();
              }}
            >
              {name}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
export interface MenuItem {
  readonly label: string;
  choose(): void;
}
