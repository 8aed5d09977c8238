/** Subtitles of scripts with full-width characters; gpu-worker/tests/test_cues.py reads the same examples. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { Segment } from '../../core/contracts/transcript.ts';
import { cuesOf } from '../../core/transcripts/cues.ts';
import { piecesOf } from '../../core/transcripts/spacing.ts';

const Example = z.object({
  title: z.string(),
  segments: z.array(Segment),
  cues: z.array(z.object({ start: z.number(), end: z.number(), lines: z.array(z.string()) })),
});
const EXAMPLES = z
  .array(Example)
  .parse(JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/formats/cues.json'), 'utf8')));

test.each(EXAMPLES.map((example) => [example.title, example] as const))(
  '%s [transcript.subtitles] [transcript.unspaced]',
  (_title, example) => {
    const cues = cuesOf(example.segments, false);
    expect(cues.map(({ lines }) => lines)).toEqual(example.cues.map(({ lines }) => lines));
    for (const [i, { start, end }] of cues.entries()) {
      expect(start).toBeCloseTo(example.cues[i]?.start ?? 0, 3);
      expect(end).toBeCloseTo(example.cues[i]?.end ?? 0, 3);
    }
  },
);

const character = fc.constantFrom('你', '好', 'の', '。', '，', '「', '」', 'ー', '한', '국', 'a', 'b', '1', ' ', ' ');

test('any text of mixed scripts: at most two lines of 42 units, all characters, and the spaces that were there [transcript.unspaced]', () => {
  fc.assert(
    fc.property(fc.array(character, { minLength: 1, maxLength: 150 }), (characters) => {
      const text = characters.join('').replace(/ +/g, ' ').trim();
      const segment = { ...EXAMPLES[0]?.segments[0], id: 0, text, words: [], start: 0, end: 60 };
      const lines = cuesOf([Segment.parse(segment)], false).map((cue) => cue.lines);
      const isIn = (line: string): boolean => text.includes(line);
      expect(lines.flat().join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
      expect(lines.flat().every(isIn)).toBe(true);
      for (const line of lines.flat())
        expect([...line].reduce((sum, one) => sum + (/[^ -~]/.test(one) ? 42 / 16 : 1), 0)).toBeLessThanOrEqual(42);
      expect(Math.max(0, ...lines.map(({ length }) => length))).toBeLessThanOrEqual(2);
      expect(
        piecesOf(text)
          .map((piece) => (piece.isSpaced ? ` ${piece.text}` : piece.text))
          .join(''),
      ).toBe(text);
    }),
    { numRuns: 200 },
  );
});
