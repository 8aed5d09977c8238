/** Subtitles, words and boundaries of one hour of human speech, transcribed in chunks of 30 s and joined by the product's code. */
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { ChunkTranscript, type Segment } from '../core/contracts/transcript.ts';
import { cuesOf } from '../core/transcripts/cues.ts';
import { joinChunks } from '../core/transcripts/join.ts';
import { MIN_WORD_SECONDS } from '../core/transcripts/word-times.ts';
import { PROJECT } from '../host/paths.ts';
import { line } from './quality/figures.ts';

const [CHUNK_SECONDS, NEAR_SECONDS] = [30, 2];
const [LINE_CHARACTERS, CHARACTERS_PER_SECOND, SHORTEST_SECONDS] = [42, 20, 0.83];
/** Rounding of times to milliseconds. */
const TOLERANCE = 0.001;

type Word = Segment['words'][number];
const Prompt = z.object({ text: z.string(), start_s: z.number(), end_s: z.number() });
const Hour = z.record(z.string(), z.object({ seconds: z.number(), prompts: z.array(Prompt), results: z.array(ChunkTranscript) }));

/** The transcribed hour, from a cache that is valid as long as the sources of the engine and of the recording are the same. */
async function transcribedHour(): Promise<z.infer<typeof Hour>> {
  const sources = globSync(['gpu-worker/src/gpu_worker/speech/**/*.py', 'bench/quality/*.py'], { cwd: PROJECT }).sort();
  const hash = createHash('sha256');
  for (const file of sources) hash.update(readFileSync(join(PROJECT, file)));
  const cache = join(PROJECT, '.local', 'bench', `hour-${hash.digest('hex').slice(0, 16)}.json`);
  if (!existsSync(cache)) {
    const folder = (name: string): Promise<string> => line(['-m', 'gpu_worker', 'find-model', '--for-tests', name]);
    const models = ['--model', `en=${await folder('tiny.en')}`, '--model', `other=${await folder('base')}`];
    const made = await line(['-m', 'quality.hour', ...models]);
    mkdirSync(join(PROJECT, '.local', 'bench'), { recursive: true });
    writeFileSync(cache, made);
  }
  return Hour.parse(JSON.parse(readFileSync(cache, 'utf8')));
}

interface CueFigures {
  readonly language: string;
  readonly seconds: number;
  readonly cues: number;
  readonly lines: readonly number[];
  readonly durations: readonly number[];
  readonly longLines: number;
  readonly moreThanTwoLines: number;
  readonly fast: number;
  readonly short: number;
}

function cueFigures(language: string, seconds: number, segments: readonly Segment[]): CueFigures {
  const cues = cuesOf(segments, false);
  const lines = cues.flatMap((cue) => cue.lines.map((text) => [...text].length));
  const durations = cues.map(({ start, end }) => end - start);
  const characters = cues.map((cue) => [...cue.lines.join(' ')].length);
  return {
    ...{ language, seconds, cues: cues.length, lines, durations },
    longLines: lines.filter((length) => length > LINE_CHARACTERS).length,
    moreThanTwoLines: cues.filter((cue) => cue.lines.length > 2).length,
    fast: durations.filter((length, i) => (characters[i] ?? 0) > CHARACTERS_PER_SECOND * (length + TOLERANCE)).length,
    short: durations.filter((length) => length < SHORTEST_SECONDS - TOLERANCE).length,
  };
}

const core = (word: string): string => word.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
const endsSentence = (word: string): boolean => /[.!?…]["')]*$/.test(word);
const isCapital = (word: string): boolean => /^[^\p{L}]*\p{Lu}/u.test(word);

/** Whether the script has these two words in a row, within a sentence, and the text has a full stop or a capital between them. */
function isBroken(script: readonly string[], one: Word, next: Word): boolean {
  return script.some((word, i) => {
    const following = script[i + 1];
    if (following === undefined || endsSentence(word)) return false;
    if (core(word) !== core(one.word) || core(following) !== core(next.word)) return false;
    return endsSentence(one.word) || (isCapital(next.word) && !isCapital(following));
  });
}

const pair = (one: Word, next: Word): string => `${one.word.trim()} ${next.word.trim()}`;
const pairsOf = (words: readonly Word[]): string[] => words.slice(1).map((next, i) => pair(words[i] ?? next, next));

/**
 * Boundaries of chunks within a prompt, and how many of them have a full stop or a capital in mid-sentence that no decode has
 * between these words: it ends a chunk's text, although the speech continues. `decoded`: the words of each chunk with its lead-in.
 */
function boundaryFigures(
  words: readonly Word[],
  prompts: readonly z.infer<typeof Prompt>[],
  decoded: readonly (readonly Word[])[],
) {
  const inside = prompts.flatMap(({ text, start_s, end_s }) => {
    const number = Math.ceil(start_s / CHUNK_SECONDS);
    return number * CHUNK_SECONDS < end_s ? [{ number, script: text.split(/\s+/) }] : [];
  });
  const broken = inside.filter(({ number, script }) => {
    const at = number * CHUNK_SECONDS;
    const known = new Set([...pairsOf(decoded[number - 1] ?? []), ...pairsOf(decoded[number] ?? [])]);
    return words.some((one, i) => {
      const next = words[i + 1];
      if (next === undefined || one.start < at - NEAR_SECONDS || next.end > at + NEAR_SECONDS) return false;
      return !known.has(pair(one, next)) && isBroken(script, one, next);
    });
  });
  return { inside: inside.length, broken: broken.length };
}

const wordsOf = (segments: readonly Segment[]): Word[] => segments.flatMap((segment) => segment.words);
const shorter = (words: readonly Word[]): number =>
  words.filter(({ start, end }) => end - start < MIN_WORD_SECONDS - TOLERANCE / 2).length;

interface SubtitleFigures {
  readonly cues: readonly CueFigures[];
  readonly words: { readonly all: number; readonly short: number };
  /** Boundaries of the English recording: joined, and with the chunks' texts one after the other. */
  readonly boundaries: { readonly inside: number; readonly broken: number; readonly brokenUnjoined: number };
}

export async function subtitleFigures(): Promise<SubtitleFigures> {
  const cues: CueFigures[] = [];
  const words = { all: 0, short: 0 };
  let boundaries = { inside: 0, broken: 0, brokenUnjoined: 0 };
  for (const [language, { seconds, prompts, results }] of Object.entries(await transcribedHour())) {
    const joined = joinChunks(
      'bench',
      results.map((result) => ({ kind: 'transcribed', result, overlapSeconds: 0 })),
    );
    cues.push(cueFigures(language, seconds, joined.segments));
    const own = wordsOf(joined.segments);
    words.all += own.length;
    words.short += shorter(own);
    if (language !== 'en') continue;
    const unjoined = results.flatMap((result, i) =>
      wordsOf(result.segments).map((word) => ({
        ...word,
        start: word.start + i * CHUNK_SECONDS,
        end: word.end + i * CHUNK_SECONDS,
      })),
    );
    const decoded = results.map(({ lead_in, segments }) => [...(lead_in?.words ?? []), ...wordsOf(segments)]);
    const { broken: brokenUnjoined } = boundaryFigures(unjoined, prompts, decoded);
    boundaries = { ...boundaryFigures(own, prompts, decoded), brokenUnjoined };
  }
  return { cues, words, boundaries };
}
