/** Random speech and simulated decodes of its chunks: cut words are garbled, times and punctuation vary slightly. */
import fc from 'fast-check';
import type { ChunkTranscript } from '../../core/contracts/transcript.ts';
import type { Word } from '../../core/transcripts/alignment.ts';
import type { ChunkOutcome } from '../../core/transcripts/chunk-outcome.ts';
import { textOf } from '../../core/transcripts/spacing.ts';
import { chunkTranscript } from './rows.ts';

const VOCABULARY = ['no', 'yes', 'alpha', 'bravo', 'the', 'conference'];

/** Words with their true times in seconds: each word takes at least 0.15 s, each pause at most 0.6 s. */
export const speech = fc
  .array(fc.tuple(fc.constantFrom(...VOCABULARY), fc.integer({ min: 15, max: 60 }), fc.integer({ min: 1, max: 60 })), {
    minLength: 1,
    maxLength: 100,
    size: 'max',
  })
  .map((parts) => {
    let at = 0;
    return parts.map(([word, length, pause]): Word => {
      const start = at + pause;
      at = start + length;
      return { word: ` ${word}`, start: start / 100, end: at / 100, probability: 0.9 };
    });
  });

/** Variation of a decode: errors of its times in seconds, punctuation and capitals. */
export interface Decode {
  readonly jitter: readonly number[];
  readonly marks: readonly string[];
  readonly capitals: readonly boolean[];
}

const circle = <T extends string | number | boolean>(values: readonly T[], at: number, instead: T): T =>
  values[at % values.length] ?? instead;

export const decodes = fc.record({
  jitter: fc.array(
    fc.integer({ min: -60, max: 60 }).map((ms) => ms / 1000),
    { minLength: 7, maxLength: 7 },
  ),
  marks: fc.array(fc.constantFrom('', '', '', '.', ','), { minLength: 11, maxLength: 11 }),
  capitals: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
});
export const EXACT: Decode = { jitter: [0], marks: [''], capitals: [false] };

/** A decode misses words of which it contains less than this. */
const MIN_AUDIBLE_SECONDS = 0.06;

/** The words that a decode of the audio from `from` to `to` returns. Times are relative to `zero`. */
function decoded(words: readonly Word[], from: number, to: number, zero: number, decode: Decode): Word[] {
  const found: Word[] = [];
  for (const [at, word] of words.entries()) {
    const [start, end] = [Math.max(word.start, from), Math.min(word.end, to)];
    if (end - start < MIN_AUDIBLE_SECONDS) continue;
    const off = circle(decode.jitter, at, 0);
    const shown = Math.max(Math.min(from, start), start + off, found.at(-1)?.end ?? from - zero, from);
    const until = Math.min(to, Math.max(shown + 0.05, end + off));
    const plain = word.word.trim();
    const text = circle(decode.capitals, at, false) ? plain.charAt(0).toUpperCase() + plain.slice(1) : plain;
    const garbled = `${start > word.start ? 'x' : ''}${text}${end < word.end ? 'x' : ''}`;
    found.push({ ...word, word: ` ${garbled}${circle(decode.marks, at, '')}`, start: shown, end: until });
  }
  return found.map((word) => ({ ...word, start: word.start - zero, end: word.end - zero }));
}

/** Groups words into segments of up to seven words. */
function segmentsOf(words: readonly Word[]): ChunkTranscript['segments'] {
  const [segment] = chunkTranscript(1, 1, 1).segments;
  if (segment === undefined) throw new Error('a transcript with one word must have a segment');
  const segments: ChunkTranscript['segments'] = [];
  for (let at = 0; at < words.length; at += 7) {
    const some = words.slice(at, at + 7);
    segments.push({ ...segment, start: some[0]?.start ?? 0, end: some.at(-1)?.end ?? 0, text: textOf(some), words: some });
  }
  return segments;
}

export interface Cuts {
  readonly seconds: number;
  /** Overlap with the previous chunk, in seconds. */
  readonly overlap: number;
  /** Lead-in: audio before the chunk that is decoded with it, in seconds. */
  readonly leadIn: number;
}

const etagOf = (chunkNumber: number): string => `etag-${chunkNumber}`;

/** Cuts speech into chunks and decodes each of them. */
export function recorded(words: readonly Word[], { seconds, overlap, leadIn }: Cuts, decode: readonly Decode[]): ChunkOutcome[] {
  const outcomes: ChunkOutcome[] = [];
  const last = (words.at(-1)?.end ?? 0) + 1;
  for (let from = 0; from < last; from += seconds - overlap) {
    const number = outcomes.length + 1;
    const led = number === 1 ? 0 : Math.min(leadIn, from);
    const all = decoded(words, from - led, from + seconds, from, decode[outcomes.length % decode.length] ?? EXACT);
    const own = all.filter((word) => (word.start + word.end) / 2 >= 0);
    const result = {
      ...chunkTranscript(number, seconds, 0),
      text: textOf(own),
      segments: segmentsOf(own),
      ...(led > 0 && { lead_in: { seconds: led, etag: etagOf(number - 1), words: all.slice(0, all.length - own.length) } }),
    };
    outcomes.push({ kind: 'transcribed', result, overlapSeconds: number === 1 ? undefined : overlap });
  }
  return outcomes;
}
