/** Parts that every page has: states of loading, emptiness and error, questions, menus. */
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { Icon, type IconName } from './icon.tsx';

export type Tone = 'good' | 'warn' | 'bad' | 'busy' | '';

export const Tag = ({ tone = '', children }: { readonly tone?: Tone; readonly children: ComponentChildren }) => (
  <span class={`tag ${tone}`}>{children}</span>
);

/** Something that people should know now; errors are spoken at once. */
export const Notice = ({ tone = '', children }: { readonly tone?: Tone; readonly children: ComponentChildren }) => (
  <div class={`notice ${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
    {children}
  </div>
);

export const Failed = ({ what, again }: { readonly what: string; readonly again?: () => void }) => (
  <Notice tone="bad">
    <p>{what}</p>
    {again && (
      <button type="button" class="button" onClick={again}>
        Try again
      </button>
    )}
  </Notice>
);

/** What pages say that have looked for long enough. */
export const NOTHING_NEW = 'Nothing has changed for half an hour, so this page has stopped looking.';

export const Empty = ({ icon, children }: { readonly icon: IconName; readonly children: ComponentChildren }) => (
  <div class="empty">
    <Icon name={icon} />
    {children}
  </div>
);

export const Loading = ({ what }: { readonly what: string }) => (
  <div class="stack" role="status">
    <span class="visually-hidden">{what} is being loaded</span>
    <div class="skeleton" />
    <div class="skeleton tall" />
  </div>
);

/** A table that is scrolled sideways where the page is narrow, with the keyboard, too. */
export const TableBox = ({ label, children }: { readonly label: string; readonly children: ComponentChildren }) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached
  <section class="table-box" aria-label={label} tabIndex={0}>
    {children}
  </section>
);

/** A question before what cannot be undone; `ask` opens it. */
export function useQuestion(): { readonly dialog: ComponentChildren; ask(question: Question): void } {
  const [question, setQuestion] = useState<Question | undefined>();
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
    ask: setQuestion,
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
export interface Question {
  readonly title: string;
  readonly text: string;
  readonly button: string;
  yes(): void;
}

/** A button that opens a few others; Escape and a click beside close it. */
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
    const leave = (event: Event): void => {
      if (event.target instanceof Node && box.current?.contains(event.target)) return;
      setOpen(false);
    };
    document.addEventListener('pointerdown', leave);
    document.addEventListener('focusin', leave);
    return () => {
      document.removeEventListener('pointerdown', leave);
      document.removeEventListener('focusin', leave);
    };
  }, [isOpen]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape closes the menu, wherever in it the focus is
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
