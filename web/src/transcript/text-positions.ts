/**
 * Finds words on the page, and the words at positions of the page. A paragraph is a few text nodes, not one element per word;
 * a word is a range of letters in them.
 *
 * The elements are those of text-group.tsx: `box` has one child per group, which has one child per block; the words of a paragraph
 * are in its `.text`.
 */

import type { ShownWord } from '../../../core/transcripts/timed-words.ts';
import type { TextGroup } from './text-groups.ts';

/** Pixels around a word that still belong to it. */
const MARGIN_PX = 2;

/** Index of the last number that is not above `value`; `numbers` must be sorted. */
function lastNotAbove(numbers: readonly number[], value: number): number {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] ?? 0) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The boundary between two letters that is closest to a point of the window. */
function caretAt(x: number, y: number): readonly [Node, number] | undefined {
  if ('caretPositionFromPoint' in document) {
    const position = document.caretPositionFromPoint(x, y);
    return position === null ? undefined : [position.offsetNode, position.offset];
  }
  const range = (document as Document).caretRangeFromPoint(x, y); // older browsers
  return range === null ? undefined : [range.startContainer, range.startOffset];
}

/** Number of letters of `text` before this position of the document. */
function lettersBefore(text: Element, node: Node, offset: number): number {
  const range = document.createRange();
  range.setStart(text, 0);
  range.setEnd(node, offset);
  return range.toString().length;
}

/** The text node with this letter of an element, and the index of the letter in it. */
function nodeWith(text: Element, letter: number): readonly [Node, number] | undefined {
  let left = letter;
  for (const child of text.childNodes) {
    const node = child instanceof Element ? child.firstChild : child;
    const length = node?.nodeValue?.length ?? 0;
    if (node !== null && left < length) return [node, left];
    left -= length;
  }
  return undefined;
}

/** Where each word of a paragraph starts, in letters. */
function startsOf(words: readonly ShownWord[]): number[] {
  let end = 0;
  return words.map(({ text, isSpaced }, i) => {
    const start = isSpaced && i > 0 ? end + 1 : end;
    end = start + text.length;
    return start;
  });
}

/** A paragraph on the page, and its words. */
interface Place {
  readonly text: Element;
  readonly first: number;
  readonly words: readonly ShownWord[];
}

/** The words of a transcript on the page. */
export class TextPositions {
  readonly #box: () => HTMLElement | null;
  readonly #groups: readonly TextGroup[];
  readonly #firsts: readonly number[];

  /** `box` returns the element with the groups, of which the last ones may not be rendered yet. */
  constructor(box: () => HTMLElement | null, groups: readonly TextGroup[]) {
    this.#box = box;
    this.#groups = groups;
    this.#firsts = groups.map(({ firsts }) => firsts[0] ?? 0);
  }

  /** Index of the group with this word. */
  groupOf(word: number): number {
    return lastNotAbove(this.#firsts, word);
  }

  /** The letters of a word. Undefined as long as its group is not rendered. */
  rangeOf(word: number): Range | undefined {
    const place = this.#placeOf(word);
    if (place === undefined) return undefined;
    const index = word - place.first;
    const letter = startsOf(place.words)[index] ?? 0;
    const start = nodeWith(place.text, letter);
    const length = place.words[index]?.text.length ?? 0;
    if (start === undefined || length === 0) return undefined;
    const range = document.createRange();
    range.setStart(...start);
    range.setEnd(start[0], start[1] + length);
    return range;
  }

  /** Index of the word at a point of the window. */
  wordAtPoint(x: number, y: number): number | undefined {
    const caret = caretAt(x, y);
    const word = caret && this.#wordAt(caret, (_, end, letter) => end >= letter);
    const isInside = (index: number): boolean =>
      [...(this.rangeOf(index)?.getClientRects() ?? [])].some(
        ({ left, right, top, bottom }) =>
          x >= left - MARGIN_PX && x <= right + MARGIN_PX && y >= top - MARGIN_PX && y <= bottom + MARGIN_PX,
      );
    // Without a space between them, the boundary belongs to both words.
    return word === undefined ? undefined : [word, word + 1].find(isInside);
  }

  /** First and last index of the selected words; undefined without a selection. */
  selected(): readonly [number, number] | undefined {
    const selection = getSelection();
    if (selection === null || selection.isCollapsed || selection.rangeCount === 0) return undefined;
    const range = selection.getRangeAt(0);
    const first = this.#wordAt([range.startContainer, range.startOffset], (_, end, letter) => end > letter);
    const last = this.#wordAt(
      [range.endContainer, range.endOffset],
      (start, _, letter, next) => start < letter && letter <= next,
    );
    return first === undefined || last === undefined || last < first ? undefined : [first, last];
  }

  /** The first word of the paragraph for which `isIt` holds; its start and end, the position and the next word's start are in letters. */
  #wordAt(
    [node, offset]: readonly [Node, number],
    isIt: (start: number, end: number, letter: number, next: number) => boolean,
  ): number | undefined {
    const element = node instanceof Element ? node : node.parentElement;
    const text = element?.closest<HTMLElement>('.text');
    const place = text && this.#box()?.contains(text) ? this.#placeOf(Number(text.dataset['first'])) : undefined;
    if (!text || place === undefined) return undefined;
    const letter = lettersBefore(text, node, offset);
    const starts = startsOf(place.words);
    const index = place.words.findIndex((word, i) => {
      const start = starts[i] ?? 0;
      return isIt(start, start + word.text.length, letter, starts[i + 1] ?? Number.POSITIVE_INFINITY);
    });
    return index === -1 ? undefined : place.first + index;
  }

  #placeOf(word: number): Place | undefined {
    const at = this.groupOf(word);
    const group = this.#groups[at];
    if (group === undefined || word < 0 || word >= group.end) return undefined;
    const index = lastNotAbove(group.firsts, word);
    const block = group.blocks[index];
    const text = this.#box()?.children[at]?.children[index]?.querySelector('.text');
    return block?.kind === 'words' && text ? { text, first: group.firsts[index] ?? 0, words: block.words } : undefined;
  }
}
