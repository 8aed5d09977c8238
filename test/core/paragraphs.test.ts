/** Paragraphs of a text; gpu-worker/tests/test_paragraphs.py reads the same examples. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { paragraphsOf, withBetween } from '../../core/transcripts/paragraphs.ts';
import { toPlainText } from '../../core/transcripts/plain-text.ts';
import { wordCount } from '../../core/transcripts/spacing.ts';

interface Example {
  readonly title: string;
  readonly segments: readonly {
    readonly start: number;
    readonly end: number;
    readonly text: string;
    readonly speaker?: string;
  }[];
  /** Number of segments of each paragraph. */
  readonly paragraphs: readonly number[];
}
const EXAMPLES = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/formats/paragraphs.json'), 'utf8'),
) as readonly Example[];

test.each(EXAMPLES.map((example) => [example.title, example] as const))('%s [transcript.paragraphs]', (_title, example) => {
  expect(paragraphsOf(example.segments).map(({ length }) => length)).toEqual(example.paragraphs);
});

const spoken = fc
  .array(
    fc.record({
      words: fc.integer({ min: 1, max: 40 }),
      mark: fc.constantFrom('', '', '', ',', '.', '?', '…'),
      pause: fc.constantFrom(0, 0.2, 1, 1.6, 3.9, 4.1),
      speaker: fc.constantFrom('S1', 'S1', 'S1', 'S2'),
    }),
    { maxLength: 80 },
  )
  .map((parts) => {
    let at = 0;
    return parts.map(({ words, mark, pause, speaker }) => {
      const start = at + pause;
      at = start + words / 3;
      return { start, end: at, text: `${Array.from({ length: words }, () => 'word').join(' ')}${mark}`, speaker };
    });
  });

test('any text: all segments once and in order; a sentence is divided only at a long pause, by another speaker, or after 90 words of more than 250 [transcript.paragraphs]', () => {
  fc.assert(
    fc.property(spoken, (segments) => {
      const paragraphs = paragraphsOf(segments);
      expect(paragraphs.flat()).toEqual(segments);
      for (const [i, paragraph] of paragraphs.entries()) {
        const [last, next] = [paragraph.at(-1), paragraphs[i + 1]?.[0]];
        const isWhole = last === undefined || next === undefined || /[.?…]$/.test(last.text);
        if (isWhole || last.speaker !== next.speaker || next.start - last.end > 4) continue;
        const count = (part: readonly { readonly text: string }[]): number =>
          part.reduce((sum, { text }) => sum + wordCount(text), 0);
        const from = segments.indexOf(last);
        const sentence = segments.slice(segments.slice(0, from).findLastIndex(({ text }) => /[.?…]$/.test(text)) + 1);
        const end = sentence.findIndex(({ text }) => /[.?…]$/.test(text));
        expect(count(paragraph)).toBeGreaterThanOrEqual(90);
        expect(count(end === -1 ? sentence : sentence.slice(0, end + 1))).toBeGreaterThan(250);
      }
    }),
    { numRuns: 200 },
  );
});

test('a blank line separates the parts of a file, and the paragraphs of each [transcript.paragraphs]', () => {
  const texts = ['One two.', 'Three,', 'four.', 'Five.'];
  const segments = texts.map((text, i) => ({
    ...{ id: i, start: i < 3 ? i : 5, end: i < 3 ? i + 1 : 6, text, words: [] },
    ...{ avg_logprob: 0, no_speech_prob: 0, compression_ratio: 1 },
  }));
  expect(toPlainText({ text: 'One two. Three,\n\nfour. Five.', segments }, [])).toBe('One two. Three,\n\nfour.\n\nFive.\n');
  expect(toPlainText({ text: '', segments: [] }, [])).toBe('');
});

test('what is missing stands between paragraphs, before the segments that start with it or later [transcript.paragraphs]', () => {
  const at = (start: number, text: string) => ({ start, end: start + 1, text });
  const blocks = withBetween([at(0, 'a'), at(1, 'b'), at(2, 'c')], [{ start: 1 }, { start: 1.5 }, { start: 9 }]);
  expect(
    blocks.map((block) => ('other' in block ? block.other.start : block.paragraph.map(({ text }) => text).join(''))),
  ).toEqual(['a', 1, 'b', 1.5, 'c', 9]);
});
