/** The marks on the text of a transcript: the word being played, search hits, the cursor and the word under the mouse. */
import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ShownWord } from '../../../core/transcripts/timed-words.ts';
import { mark, unmarkAll } from './marks.ts';
import type { Player } from './player.ts';
import type { WordSearch } from './search.tsx';
import type { TextGroup } from './text-groups.ts';
import type { TextPositions } from './text-positions.ts';
import { type Found, wordAt } from './words.ts';

/** A text on the page. */
export interface RenderedText {
  readonly box: RefObject<HTMLElement | null>;
  readonly groups: readonly TextGroup[];
  readonly positions: TextPositions;
  /** Number of rendered groups. */
  readonly rendered: number;
  renderTo(count: number): void;
}

const playerBottom = (): number => document.querySelector('.player')?.getBoundingClientRect().bottom ?? 0;

/** Scrolls to the middle of the screen what is not visible, or with `always` in any case. */
function scrollTo(target: Range | Element, always: boolean): void {
  const { top, bottom } = target.getBoundingClientRect();
  const [from, to] = [playerBottom(), innerHeight];
  if (always || top < from || bottom > to) scrollBy({ top: (top + bottom) / 2 - (from + to) / 2 });
}

/**
 * Scrolls to a word or a paragraph that may be far away. Groups on the way get their real heights when they are on the screen, so
 * the position is corrected in the next frames. Returns a function that ends this.
 */
function reveal(target: Range | Element | undefined, always = false): () => void {
  if (target === undefined) return () => undefined;
  scrollTo(target, always);
  let frame = requestAnimationFrame(() => {
    scrollTo(target, false);
    frame = requestAnimationFrame(() => scrollTo(target, false));
  });
  return () => cancelAnimationFrame(frame);
}

/** The paragraph of a word if it fits on the screen, otherwise the word. */
function paragraphOf(word: Range | undefined): Range | Element | undefined {
  const paragraph = word?.startContainer.parentElement?.closest('p');
  const fits = paragraph && paragraph.getBoundingClientRect().height < innerHeight - playerBottom();
  return fits ? paragraph : word;
}

/** Index of the word being played; -1 before the first one. */
const wordPlayedAt = (words: readonly ShownWord[], seconds: number): number => (seconds > 0 ? wordAt(words, seconds + 0.02) : -1);

/** Marks the word being played, and scrolls to its paragraph when another one begins. */
export function useNowMark({ positions, rendered, groups }: RenderedText, words: readonly ShownWord[], player: Player): void {
  const isWhole = rendered === groups.length;
  const paragraph = useRef<Element | null | undefined>(undefined);
  useEffect(() => {
    let index = -1;
    return player.time.subscribe((seconds) => {
      const at = wordPlayedAt(words, seconds);
      if (at === index) return;
      index = at;
      const range = positions.rangeOf(at);
      mark('now', [range]);
      const next = range?.startContainer.parentElement?.closest('p');
      if (player.isPlaying.value && next !== paragraph.current) reveal(paragraphOf(range));
      paragraph.current = next;
    });
  }, [words, player, positions, isWhole]);
}

/** Indices of the groups near the screen. Only their hits are marked: a letter can have ten thousand hits. */
function useGroupsNearScreen({ box, rendered }: RenderedText, isSearching: boolean): ReadonlySet<number> {
  const [near, setNear] = useState<ReadonlySet<number>>(new Set());
  useEffect(() => {
    if (!isSearching) return undefined;
    const children = [...(box.current?.children ?? [])];
    const indices = new Map(children.map((child, i) => [child, i]));
    const observer = new IntersectionObserver(
      (entries) =>
        setNear((old) => {
          const next = new Set(old);
          for (const { target, isIntersecting } of entries) {
            const index = indices.get(target);
            if (index !== undefined && isIntersecting) next.add(index);
            else if (index !== undefined) next.delete(index);
          }
          return next;
        }),
      { rootMargin: '50% 0px' },
    );
    for (const child of children) observer.observe(child);
    return () => observer.disconnect();
  }, [rendered, isSearching]);
  return near;
}

/** Indices of the words of all hits that begin in a group. */
function hitWords({ starts, ends }: Found, group: TextGroup | undefined): number[] {
  const [first, end] = [group?.firsts[0] ?? 0, group?.end ?? 0];
  return starts.flatMap((start, hit) =>
    start >= first && start < end ? Array.from({ length: (ends[hit] ?? start) - start }, (_, i) => start + i) : [],
  );
}

/** Marks the hits of the search, and scrolls to the one that is shown. */
export function useHitMarks(text: RenderedText, { query, found, shown, shownHit }: WordSearch): void {
  const { groups, positions, rendered, renderTo } = text;
  const near = useGroupsNearScreen(text, found.starts.length > 0);
  useEffect(() => {
    const hits = [...near].flatMap((at) => hitWords(found, groups[at]));
    mark(
      'hit',
      hits.map((word) => positions.rangeOf(word)),
    );
  }, [near, found, positions]);

  const isMissing = shownHit !== undefined && positions.groupOf(shownHit) >= rendered;
  useEffect(() => {
    if (shownHit === undefined) return undefined;
    if (!isMissing) return reveal(positions.rangeOf(shownHit), true);
    renderTo(positions.groupOf(shownHit) + 1);
    return undefined;
    // Not when the text grows: the user may have scrolled on.
  }, [query, shown, shownHit === undefined, isMissing]);
}

/** Marks the word at the cursor of the keyboard, and keeps it on the screen. */
export function useCursorMark({ positions, rendered, renderTo }: RenderedText, cursor: number | undefined): void {
  const rangeOf = (): Range | undefined => (cursor === undefined ? undefined : positions.rangeOf(cursor));
  const isMissing = cursor !== undefined && positions.groupOf(cursor) >= rendered;
  useEffect(() => mark('cursor', [rangeOf()]), [cursor, positions, isMissing]);
  useEffect(() => {
    if (!isMissing) return reveal(rangeOf());
    renderTo(positions.groupOf(cursor) + 1);
    return undefined;
  }, [cursor, isMissing]);
}

/** Marks the word under the mouse. */
export function useHoverMark({ box, positions }: RenderedText): void {
  useEffect(() => {
    const element = box.current;
    let frame = 0;
    const onMove = ({ clientX, clientY, pointerType }: PointerEvent): void => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => {
        const word = pointerType === 'mouse' ? positions.wordAtPoint(clientX, clientY) : undefined;
        const range = word === undefined ? undefined : positions.rangeOf(word);
        mark('hover', [range]);
      });
    };
    const onLeave = (): void => {
      cancelAnimationFrame(frame);
      mark('hover', []);
    };
    element?.addEventListener('pointermove', onMove);
    element?.addEventListener('pointerleave', onLeave);
    return () => {
      cancelAnimationFrame(frame);
      element?.removeEventListener('pointermove', onMove);
      element?.removeEventListener('pointerleave', onLeave);
    };
  }, [positions]);
  useEffect(() => unmarkAll, []);
}
