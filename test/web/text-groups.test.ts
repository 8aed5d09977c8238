/** A transcript as groups of paragraphs, which are rendered one after the other. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ShownWord } from '../../core/transcripts/timed-words.ts';
import { groupsOf, runsOf, withUnchanged } from '../../web/src/transcript/text-groups.ts';
import type { Block } from '../../web/src/transcript/words.ts';

const word = (text: string, probability = 0.9, isEdited = false): ShownWord => ({
  text,
  isSpaced: true,
  start: 0,
  end: 1,
  probability,
  isEdited,
});
const paragraph = (start: number, count: number): Block => ({
  kind: 'words',
  start,
  speaker: undefined,
  words: Array.from({ length: count }, (_, i) => word(`w${i}`)),
});
const gap = (start: number): Block => ({ kind: 'gap', start, end: start + 1, text: 'never uploaded' });
const textOf = (words: readonly ShownWord[]): string => words.map(({ text }) => text).join(' ');

test('any text: its runs are the whole text, and neighboring runs have different marks [pages.long]', () => {
  const any = fc.constantFrom(word('plain'), word('unsure', 0.1), word('edited', 1, true), word('both', 0.1, true));
  fc.assert(
    fc.property(fc.array(any), (words) => {
      const runs = runsOf(words);
      expect(runs.map(({ text }) => text).join('')).toBe(textOf(words));
      for (const [i, { marks }] of runs.entries()) expect(marks).not.toBe(runs[i - 1]?.marks);
    }),
  );
});

test('words of a script without spaces are shown without spaces, marked or not [transcript.unspaced]', () => {
  const unspaced = [word('你'), word('好', 0.1), word('吗？'), word('R&D')].map((each, i) => ({ ...each, isSpaced: i === 3 }));
  expect(runsOf(unspaced)).toEqual([
    { text: '你', marks: '' },
    { text: '好', marks: ' unsure' },
    { text: '吗？ R&D', marks: '' },
  ]);
});

test('words without marks share one text, however many they are [pages.long]', () => {
  expect(runsOf([word('a'), word('b'), word('c', 0.2), word('d', 0.2), word('e')])).toEqual([
    { text: 'a b ', marks: '' },
    { text: 'c d', marks: ' unsure' },
    { text: ' e', marks: '' },
  ]);
});

test('groups contain all blocks in order, and know the index of each first word [pages.long]', () => {
  const blocks = [paragraph(0, 300), gap(1), paragraph(2, 150), gap(3), paragraph(4, 7)];
  const groups = groupsOf(blocks);
  expect(groups.flatMap((group) => group.blocks)).toEqual(blocks);
  expect(groups.map(({ firsts, end }) => [firsts, end])).toEqual([
    [[0, 300, 300], 450],
    [[450, 450], 457],
  ]);
  expect(groupsOf([])).toEqual([]);
});

test('when a text grows, the groups before the new words stay the same objects [pages.long]', () => {
  const blocks = (last: number): Block[] => [paragraph(0, 500), paragraph(1, 500), paragraph(2, last)];
  const before = groupsOf(blocks(10));
  const after = withUnchanged(before, groupsOf(blocks(20)));
  expect(after.map((group, i) => group === before[i])).toEqual([true, true, false]);
  expect(after.at(-1)?.end).toBe(1020);
});
