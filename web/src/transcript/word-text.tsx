import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { clock } from '../ui/format.ts';
import type { Player } from './player.ts';
import { type Block, type Gap, type ShownWord, wordAt } from './words.ts';

/** Words with a lower probability are marked as uncertain. */
export const UNSURE = 0.5;

interface WordTextProps {
  readonly blocks: readonly Block[];
  /** All words of the blocks, in order. */
  readonly words: readonly ShownWord[];
  readonly player: Player;
  /** Indices of the words that match the search. */
  readonly hits: ReadonlySet<number>;
  readonly shownHit: number | undefined;
  /** Opens the editor for these words. Undefined when the text cannot be edited. */
  edit?: ((first: number, last: number) => void) | undefined;
  gapAction?: ((gap: Gap) => { label: string; run(): void } | undefined) | undefined;
}

const classOf = (word: ShownWord): string => `w${word.probability < UNSURE ? ' unsure' : ''}${word.isEdited ? ' edited' : ''}`;
const indexOf = (target: EventTarget | Node | null): number | undefined => {
  const element = target instanceof Element ? target : target instanceof Node ? target.parentElement : null;
  const index = element?.closest<HTMLElement>('[data-i]')?.dataset['i'];
  return index === undefined ? undefined : Number(index);
};

/** First and last index of the selected words; undefined without a selection. */
function selectedRange(box: HTMLElement | null): [number, number] | undefined {
  const selection = getSelection();
  if (selection === null || selection.isCollapsed || !box?.contains(selection.anchorNode)) return undefined;
  const [a, b] = [indexOf(selection.anchorNode), indexOf(selection.focusNode)];
  return a === undefined || b === undefined ? undefined : [Math.min(a, b), Math.max(a, b)];
}

/**
 * The words of a transcript. The current word, the cursor and search hits change often; they are set as CSS classes on existing
 * elements without rendering, because a recording of hours has tens of thousands of words.
 */
export function WordText({ blocks, words, player, hits, shownHit, edit, gapAction }: WordTextProps) {
  const box = useRef<HTMLDivElement>(null);
  const [cursor, setCursor] = useState<number | undefined>();
  const element = (i: number | undefined): Element | null | undefined =>
    i === undefined ? null : box.current?.querySelector(`[data-i="${i}"]`);

  useEffect(() => {
    let current: Element | null | undefined;
    let currentIndex = -1;
    return player.time.subscribe((seconds) => {
      const at = seconds > 0 ? wordAt(words, seconds + 0.02) : -1;
      if (at === currentIndex) return;
      currentIndex = at;
      const next = element(at);
      current?.classList.remove('now');
      next?.classList.add('now');
      if (player.isPlaying.value && next?.parentElement !== current?.parentElement)
        next?.parentElement?.scrollIntoView({ block: 'nearest' });
      current = next;
    });
  }, [words, player]);

  useEffect(() => {
    for (const old of box.current?.querySelectorAll('.hit') ?? []) old.classList.remove('hit');
    for (const i of hits) element(i)?.classList.add('hit');
    element(shownHit)?.scrollIntoView({ block: 'center' });
  }, [hits, shownHit, words]);

  useEffect(() => {
    const marked = element(cursor);
    marked?.classList.add('cursor');
    marked?.scrollIntoView({ block: 'nearest' });
    return () => marked?.classList.remove('cursor');
  }, [cursor]);

  /** Runs the action of a key on the word at the cursor. Returns false for a key without one. */
  const act = (key: string): boolean => {
    const at = cursor ?? Math.max(0, wordAt(words, player.time.value));
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 10, ArrowUp: -10 }[key];
    const word = words[at];
    if (step !== undefined) setCursor(cursor === undefined ? at : Math.max(0, Math.min(words.length - 1, at + step)));
    else if (word === undefined) return false;
    else if (key === 'Enter') void player.seek(word.start, true);
    else if (key.toLowerCase() === 'e') edit?.(...(selectedRange(box.current) ?? ([at, at] as const)));
    else return false;
    return true;
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== box.current) return;
    if (act(event.key)) event.preventDefault();
  };

  const paragraphs = useMemo(() => {
    let next = 0;
    return blocks.map((block) => {
      if (block.kind === 'gap') {
        const action = gapAction?.(block);
        return (
          <div class="gap" key={`gap ${block.start}`}>
            <span>
              {clock(block.start)} to {clock(block.end)}: {block.reason}
            </span>
            {action && (
              <button type="button" class="button" onClick={action.run}>
                {action.label}
              </button>
            )}
          </div>
        );
      }
      const first = next;
      next += block.words.length;
      return (
        <p key={`words ${block.start} ${first}`}>
          {block.speaker && <span class="speaker">{block.speaker}</span>}
          <span class="at numbers">{clock(block.start)}</span>
          {block.words.map((word, i) => [
            <span class={classOf(word)} data-i={first + i} key={first + i}>
              {word.text}
            </span>,
            ' ',
          ])}
        </p>
      );
    });
  }, [blocks, gapAction]);

  const here = cursor === undefined ? undefined : words[cursor];
  return (
    <>
      <p class="visually-hidden" aria-live="polite">
        {here && `${here.text}, ${clock(here.start)}`}
      </p>
      <section
        class="words"
        ref={box}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys move through the words
        tabIndex={0}
        aria-label="Text. Arrow keys move from word to word, Enter plays from the word, E edits it."
        data-testid="words"
        onKeyDown={onKey}
        onClick={(event) => {
          const i = indexOf(event.target);
          const word = i === undefined ? undefined : words[i];
          if (word === undefined || selectedRange(box.current) !== undefined) return;
          setCursor(i);
          void player.seek(word.start);
        }}
        onDblClick={(event) => {
          const i = indexOf(event.target);
          if (i !== undefined) edit?.(i, i);
        }}
      >
        {paragraphs}
      </section>
    </>
  );
}
