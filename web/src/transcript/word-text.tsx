/**
 * The text of a transcript. It can have tens of thousands of words, so words have no elements (text-positions.ts finds them), groups
 * of paragraphs are rendered in slices (use-slices.ts), and marks that change often are CSS highlights (use-marks.ts).
 */
import { useMemo, useRef, useState } from 'preact/hooks';
import type { ShownWord } from '../../../core/transcripts/timed-words.ts';
import { clock } from '../ui/format.ts';
import type { Player } from './player.ts';
import type { WordSearch } from './search.tsx';
import { type GapAction, type Speakers, TextGroupView } from './text-group.tsx';
import { groupsOf, type TextGroup, withUnchanged } from './text-groups.ts';
import { TextPositions } from './text-positions.ts';
import { type RenderedText, useCursorMark, useHitMarks, useHoverMark, useNowMark } from './use-marks.ts';
import { useSlices } from './use-slices.ts';
import { type Block, wordAt } from './words.ts';

interface WordTextProps {
  readonly blocks: readonly Block[];
  /** All words of the blocks, in order. */
  readonly words: readonly ShownWord[];
  readonly player: Player;
  readonly search: WordSearch;
  /** Opens the editor for these words. Undefined when the text cannot be edited. */
  edit?: ((first: number, last: number) => void) | undefined;
  gapAction?: GapAction | undefined;
  readonly speakers: Speakers;
}

/** Widest text (transcript.css) and margins of the page. */
const [WIDEST_REM, MARGINS_REM, PX_PER_REM] = [46, 2, 16];
const textWidthRem = (): number => Math.min(WIDEST_REM, innerWidth / PX_PER_REM - MARGINS_REM);

function useRenderedText(blocks: readonly Block[]): RenderedText {
  const box = useRef<HTMLElement>(null);
  const last = useRef<readonly TextGroup[]>([]);
  const groups = useMemo(() => {
    last.current = withUnchanged(last.current, groupsOf(blocks));
    return last.current;
  }, [blocks]);
  const positions = useMemo(() => new TextPositions(() => box.current, groups), [groups]);
  const [rendered, renderTo] = useSlices(groups.length);
  return { box, groups, positions, rendered, renderTo };
}

/** The paragraphs and gaps, with a cursor that the keyboard moves from word to word. */
export function WordText({ blocks, words, player, search, edit, gapAction, speakers }: WordTextProps) {
  const text = useRenderedText(blocks);
  const { box, groups, positions, rendered } = text;
  const [cursor, setCursor] = useState<number | undefined>();
  const widthRem = useMemo(textWidthRem, []);
  useNowMark(text, words, player);
  useHitMarks(text, search);
  useCursorMark(text, cursor);
  useHoverMark(text);

  /** Runs the action of a key on the word at the cursor. Returns false for a key without one. */
  const act = (key: string): boolean => {
    const at = cursor ?? Math.max(0, wordAt(words, player.time.value));
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 10, ArrowUp: -10 }[key];
    const word = words[at];
    if (step !== undefined) setCursor(cursor === undefined ? at : Math.max(0, Math.min(words.length - 1, at + step)));
    else if (word === undefined) return false;
    else if (key === 'Enter') void player.seek(word.start, true);
    else if (key.toLowerCase() === 'e') edit?.(...(positions.selected() ?? ([at, at] as const)));
    else return false;
    return true;
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== box.current) return;
    if (act(event.key)) event.preventDefault();
  };
  const onClick = ({ clientX, clientY }: MouseEvent): void => {
    const i = positions.wordAtPoint(clientX, clientY);
    const word = i === undefined ? undefined : words[i];
    if (word === undefined || positions.selected() !== undefined) return;
    setCursor(i);
    void player.seek(word.start);
  };
  const onDblClick = ({ clientX, clientY }: MouseEvent): void => {
    const i = positions.wordAtPoint(clientX, clientY);
    if (i !== undefined) edit?.(i, i);
  };

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
        onClick={onClick}
        onDblClick={onDblClick}
      >
        {groups.slice(0, rendered).map((group, i) => (
          <TextGroupView key={i} group={group} widthRem={widthRem} gapAction={gapAction} speakers={speakers} />
        ))}
      </section>
    </>
  );
}
