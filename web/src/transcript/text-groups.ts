/**
 * Splits a transcript into groups of paragraphs. The page renders one group after the other, and the browser lays out only the
 * groups near the screen, so that hours of text are shown as fast as minutes.
 */
import type { ShownWord } from '../../../core/transcripts/timed-words.ts';
import type { Block } from './words.ts';

/** Words with a lower probability are marked as uncertain. */
const UNSURE = 0.5;
export const isUnsure = ({ probability }: ShownWord): boolean => probability < UNSURE;

/** A group ends after this many words or blocks. */
const [GROUP_WORDS, GROUP_BLOCKS] = [400, 30];

export interface TextGroup {
  readonly blocks: readonly Block[];
  /** Index of the first word of each block; of the next word for a gap. */
  readonly firsts: readonly number[];
  /** Index of the word after the last one. */
  readonly end: number;
}

/** Groups all blocks, in order. */
export function groupsOf(blocks: readonly Block[]): TextGroup[] {
  const groups: TextGroup[] = [];
  let open: { blocks: Block[]; firsts: number[] } = { blocks: [], firsts: [] };
  let next = 0;
  const close = (): void => {
    if (open.blocks.length > 0) groups.push({ ...open, end: next });
    open = { blocks: [], firsts: [] };
  };
  for (const block of blocks) {
    open.blocks.push(block);
    open.firsts.push(next);
    if (block.kind === 'words') next += block.words.length;
    if (open.blocks.length === GROUP_BLOCKS || next - (open.firsts[0] ?? next) >= GROUP_WORDS) close();
  }
  close();
  return groups;
}

const marksOf = (word: ShownWord): string => `${isUnsure(word) ? ' unsure' : ''}${word.isEdited ? ' edited' : ''}`;
const isSameWord = (a: ShownWord, b: ShownWord | undefined): boolean =>
  a.text === b?.text && a.isSpaced === b.isSpaced && marksOf(a) === marksOf(b);
function isSameBlock(a: Block, b: Block | undefined): boolean {
  if (a.kind === 'gap') return b?.kind === 'gap' && a.text === b.text && a.chunkNumber === b.chunkNumber;
  if (b?.kind !== 'words' || a.start !== b.start || a.speaker !== b.speaker || a.words.length !== b.words.length) return false;
  return a.words.every((word, i) => isSameWord(word, b.words[i]));
}
const isSameGroup = (a: TextGroup, b: TextGroup): boolean =>
  a.end === b.end && a.blocks.length === b.blocks.length && a.blocks.every((block, i) => isSameBlock(block, b.blocks[i]));

/** `next` with the groups of `previous` that look the same, so that a growing text renders only what is new. */
export const withUnchanged = (previous: readonly TextGroup[], next: readonly TextGroup[]): TextGroup[] =>
  next.map((group, i) => {
    const old = previous[i];
    return old !== undefined && isSameGroup(old, group) ? old : group;
  });

/** Consecutive words with the same marks, as one text. */
export interface Run {
  text: string;
  /** CSS classes, separated by blanks; empty without marks. */
  readonly marks: string;
}

/** The words of a paragraph, and the blanks between them. Only marked words need an element. */
export function runsOf(words: readonly ShownWord[]): Run[] {
  const runs: Run[] = [];
  for (const word of words) {
    const marks = marksOf(word);
    const last = runs.at(-1);
    const blank = word.isSpaced && last !== undefined ? ' ' : '';
    if (last?.marks === marks) last.text += blank + word.text;
    else if (marks === '' || blank === '') runs.push({ text: blank + word.text, marks });
    else {
      if (last?.marks === '') last.text += blank;
      else runs.push({ text: blank, marks: '' });
      runs.push({ text: word.text, marks });
    }
  }
  return runs;
}

/** Line height of the text, and average width of a letter, in rem. Only estimates: the browser replaces them by what it has laid out. */
const [LINE_REM, LETTER_REM, PARAGRAPH_REM] = [2.025, 0.53, 2.2];

/** Estimated height of a group in rem, for texts of this width in rem. */
export function estimatedRem({ blocks }: TextGroup, widthRem: number): number {
  const heights = blocks.map((block) => {
    if (block.kind === 'gap') return LINE_REM + PARAGRAPH_REM;
    const letters = block.words.reduce((sum, { text }) => sum + text.length + 1, 8);
    return LINE_REM * Math.ceil((letters * LETTER_REM) / widthRem) + PARAGRAPH_REM;
  });
  return Math.round(heights.reduce((sum, height) => sum + height, 0));
}
