/**
 * Marks on the text, as CSS custom highlights: they need no elements and no layout. Their styles are in transcript.css.
 * Gotcha: a browser without them (Firefox before 140) shows the text without these marks.
 * @see https://developer.mozilla.org/docs/Web/API/CSS_Custom_Highlight_API
 */

/** In the order in which they are painted, the last one on top: the word under the mouse, search hits, the cursor, the word being played. */
const NAMES = ['hover', 'hit', 'cursor', 'now'] as const;
export type MarkName = (typeof NAMES)[number];

/** Replaces the marks of this name. Words that are not on the page yet have no range. */
export function mark(name: MarkName, ranges: readonly (Range | undefined)[]): void {
  if (!('highlights' in CSS)) return;
  const highlight = new Highlight(...ranges.filter((range) => range !== undefined));
  highlight.priority = NAMES.indexOf(name);
  CSS.highlights.set(name, highlight);
}

/** Removes all marks: the page is closed. */
export function unmarkAll(): void {
  for (const name of NAMES) mark(name, []);
}
