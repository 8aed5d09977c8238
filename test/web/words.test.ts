/** A transcript as words with times: display, search and edits. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Segment, Transcript } from '../../core/contracts/transcript.ts';
import { withUserChanges } from '../../core/transcripts/edits.ts';
import { shownText, wordsOf } from '../../core/transcripts/timed-words.ts';
import { editAt, withEdit } from '../../web/src/transcript/edits.ts';
import { blocksOf, searchIn, wordAt } from '../../web/src/transcript/words.ts';

/** A segment whose recognized words take one second each. */
function segment(recognized: string, start = 0, text = recognized): Segment {
  const words = recognized
    .split(' ')
    .filter(Boolean)
    .map((word, i) => ({ word: ` ${word}`, start: start + i, end: start + i + 1, probability: 0.9 }));
  return { id: 0, start, end: start + words.length, text, avg_logprob: -0.2, no_speech_prob: 0, compression_ratio: 1, words };
}
const NONE = { gaps: [], coverage: [] };
const blank: Transcript = {
  ...{ sessionId: 's', status: 'completed', language: 'zh', duration_seconds: 30, model: 'm', text: '', final: true },
  ...{ segments: [], gaps: [], coverage: [], chunks: [] },
};

test('words without a correction keep their recognized times [pages.transcript]', () => {
  expect(wordsOf(segment('one two three')).map(({ text, start, end }) => [text, start, end])).toEqual([
    ['one', 0, 1],
    ['two', 1, 2],
    ['three', 2, 3],
  ]);
});

test('words from a correction share the time of the words that they replace [pages.transcript]', () => {
  const shown = wordsOf(segment('we ask jean please now', 10, 'We ask the gene police, now!'));
  expect(shown.map(({ text }) => text)).toEqual(['We', 'ask', 'the', 'gene', 'police,', 'now!']);
  expect(shown.map(({ start }) => Math.round(10 * start) / 10)).toEqual([10, 11, 12, 12.7, 13.3, 14]);
  expect(wordsOf(segment('a b c', 0, 'a c')).map(({ text, start }) => [text, start])).toEqual([
    ['a', 0],
    ['c', 2],
  ]);
  expect(wordsOf(segment('a', 0, 'a b c')).map(({ text }) => text)).toEqual(['a', 'b', 'c']);
});

test('any correction: the whole text is shown, in order, within the segment [pages.transcript]', () => {
  const word = fc.constantFrom('a', 'b', 'c', 'dd', 'E!');
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), fc.array(word, { maxLength: 12 }), (recognized, text) => {
      const of = segment(recognized.join(' '), 5, text.join(' '));
      const shown = wordsOf(of);
      expect(shown.map((each) => each.text)).toEqual(text);
      for (const [i, { start, end }] of shown.entries()) {
        expect(end).toBeGreaterThanOrEqual(start);
        expect(start).toBeGreaterThanOrEqual(shown[i - 1]?.start ?? of.start);
        expect(end).toBeLessThanOrEqual(of.end + 1e-9);
      }
    }),
  );
});

/** A segment in a script without spaces; its words take one second each. */
const chinese = (recognized: string, start: number, text = recognized.replaceAll('|', '')): Segment => ({
  ...segment('', start, text),
  words: recognized.split('|').map((word, i) => ({ word, start: start + i, end: start + i + 1, probability: 0.9 })),
});

test('in a script without spaces each recognized word is a word, also after a correction, and the text has no spaces [transcript.unspaced]', () => {
  const seen = (of: Segment) => wordsOf(of).map(({ text, start }) => [text, start]);
  expect(seen(chinese('今天|天气|很好。', 10))).toEqual([
    ['今天', 10],
    ['天气', 11],
    ['很好。', 12],
  ]);
  expect(seen(chinese('今天|天汽|很好。', 10, '今天天气很好。')).slice(2, 5)).toEqual([
    ['天', 11],
    ['气', 11.5],
    ['很', 12],
  ]);
  const [paragraph] = blocksOf({ segments: [chinese('你好。', 0), chinese('我们|开始', 1), segment('now', 3)], ...NONE });
  expect(paragraph?.kind === 'words' && shownText(paragraph.words)).toBe('你好。我们开始 now');
});

test('an edit in a script without spaces adds none, and each of its characters is a word [transcript.unspaced]', () => {
  const spoken = { ...blank, segments: [chinese('今天|天汽|很好。', 10)], text: '今天天汽很好。' };
  const edited = withUserChanges(spoken, (text) => text, [{ start: 11, end: 12, text: '天气' }]);
  expect(edited.text).toBe('今天天气很好。');
  expect(edited.segments.flatMap(({ words }) => words.map(({ word }) => word))).toEqual(['今天', '天', '气', '很好。']);
});

test('a search in a script without spaces finds any part of the text [transcript.unspaced]', () => {
  const search = searchIn(wordsOf(chinese('今天|天气|很好。|天气|热', 0)));
  expect(search('天气')).toEqual({ starts: [1, 3], ends: [2, 4] });
  expect(search('天天')).toEqual({ starts: [0], ends: [2] });
  expect(search('冷').starts).toEqual([]);
});

test('paragraphs end at pauses and speaker changes; missing chunks and speech without words are gaps, in order of time [pages.transcript]', () => {
  const blocks = blocksOf({
    segments: [segment('a b', 0), segment('c', 2), segment('d', 10), { ...segment('e', 11), speaker: 'S2' }, segment('f', 60)],
    gaps: [{ chunkNumber: 2, start: 30, end: 60, reason: 'never uploaded' }],
    coverage: [
      { start: 20, end: 25, kind: 'failed' },
      { start: 30, end: 60, kind: 'missing' },
    ],
  });
  expect(
    blocks.map((block) =>
      block.kind === 'gap' ? [block.start, block.chunkNumber] : block.words.map(({ text }) => text).join(' '),
    ),
  ).toEqual(['a b c', 'd', 'e', [20, undefined], [30, 2], 'f']);
});

test('speech without words is a gap only where speech was detected, beside failed and missing chunks too; no signal is named as such [transcript.no-signal]', () => {
  const chunks = [1, 2, 3, 5].map((n) => ({
    chunkNumber: n,
    start: 30 * n - 30,
    end: 30 * n,
    reason: n < 4 ? 'failed' : 'missing',
  }));
  const blocks = blocksOf({
    segments: [segment('late', 200)],
    gaps: chunks,
    coverage: [
      { start: 0, end: 94, kind: 'failed' }, // three failed chunks, and speech without words in the fourth
      { start: 94, end: 120, kind: 'silence' },
      { start: 120, end: 150, kind: 'missing' },
    ],
    no_signal: [{ start: 100, end: 117.5 }],
  });
  expect(blocks.flatMap((block) => (block.kind === 'gap' ? [block.text] : []))).toEqual([
    '0:00 to 0:30: failed',
    '0:30 to 1:00: failed',
    '1:00 to 1:30: failed',
    '1:30 to 1:34: speech without recognized words',
    'No signal from 1:40 to 1:57: the microphone delivered no sound',
    '2:00 to 2:30: missing',
  ]);
});

test('the current word is the last one that has started [pages.transcript]', () => {
  const words = wordsOf(segment('a b c', 5));
  expect([0, 5, 6.5, 99].map((seconds) => wordAt(words, seconds))).toEqual([-1, 0, 1, 2]);
});

test('a search finds consecutive words, ignores case and punctuation, and matches the beginning of the last word [pages.transcript]', () => {
  const words = blocksOf({ segments: [segment('Hello, everyone and hello everybody')], ...NONE }).flatMap((block) =>
    block.kind === 'words' ? block.words : [],
  );
  const search = searchIn(words);
  expect(search('hello ever')).toEqual({ starts: [0, 3], ends: [2, 5] });
  expect(search('hello everyone')).toEqual({ starts: [0], ends: [2] });
  expect(search('veryone').starts).toEqual([]);
  expect(search(' ').starts).toEqual([]);
});

test('any search finds what a comparison of word after word finds [pages.transcript]', () => {
  const word = fc.constantFrom('a', 'A!', 'ab', 'Äb', '-', 'b');
  fc.assert(
    fc.property(fc.array(word, { maxLength: 30 }), fc.array(word, { minLength: 1, maxLength: 3 }), (text, query) => {
      const words = wordsOf(segment(text.join(' ')));
      const bare = (each: string): string => each.toLowerCase().replace(/[^a-zä]/g, '');
      const wanted = query.map(bare).filter(Boolean);
      const isHit = (at: number): boolean =>
        wanted.every((want, i) => {
          const found = text[at + i] === undefined ? undefined : bare(text[at + i] ?? '');
          return i === wanted.length - 1 ? found?.startsWith(want) : found === want;
        });
      const expected = wanted.length === 0 ? [] : text.flatMap((_, at) => (isHit(at) ? [at] : []));
      expect(searchIn(words)(query.join(' ')).starts).toEqual(expected);
    }),
  );
});

test('edits never overlap, in any order of editing; removing one removes it completely [pages.transcript]', () => {
  const span = fc
    .tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 5 }))
    .map(([start, length]) => ({ start, end: start + length }));
  fc.assert(
    fc.property(fc.array(span, { maxLength: 20 }), (spans) => {
      const edits = spans.reduce<{ start: number; end: number; text: string }[]>(
        (all, each, i) => withEdit(all, each, `edit ${i}`),
        [],
      );
      for (const [i, edit] of edits.entries()) {
        expect(edit.end).toBeGreaterThan(edit.start);
        expect(edit.start).toBeGreaterThanOrEqual(edits[i - 1]?.end ?? 0);
      }
      const last = edits.at(-1);
      if (last !== undefined) expect(withEdit(edits, last, undefined)).toEqual(edits.slice(0, -1));
    }),
  );
  const edits = withEdit([], { start: 1, end: 3 }, 'x y');
  expect(editAt(edits, { start: 2, end: 3 })?.text).toBe('x y');
  expect(editAt(edits, { start: 3, end: 4 })).toBeUndefined();
});
