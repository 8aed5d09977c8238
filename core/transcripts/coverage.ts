/**
 * Coverage of a transcript: each second is either `transcribed`, `silence`, `failed` (a failed chunk, or speech without a
 * recognized word) or `missing` (a chunk that is not uploaded or not transcribed).
 */
import { divided, type Interval } from '../contracts/intervals.ts';
import type { Voice } from '../contracts/speakers.ts';
import type { Segment, Transcript } from '../contracts/transcript.ts';
import type { ChunkOutcome } from './chunk-outcome.ts';
import { round } from './times.ts';

type Coverage = Transcript['coverage'][number];

/** A chunk at its position in the session, without its segments. */
export interface JoinedChunk extends Interval {
  readonly kind: ChunkOutcome['kind'];
  /** Why it has no text. */
  readonly reason?: string;
  /** Its own text has words with times, or none, so it can be aligned. */
  readonly isTimed: boolean;
  readonly hasText: boolean;
  /** Speech without a recognized word, in seconds of the chunk. */
  readonly unheard?: readonly Interval[];
  /** What could not be decoded, in seconds of the chunk. */
  readonly damaged?: readonly Interval[];
  /** Voices of its speakers. */
  readonly voices?: readonly Voice[];
  /** Where the microphone delivered no sound, in seconds of the chunk. */
  readonly noSignal?: readonly Interval[];
  /** Audio that was decoded twice: with this chunk and with the previous one. */
  readonly shared?: Interval | undefined;
}

/** Appends an interval; adjacent intervals of the same kind are merged. */
function append(coverage: Coverage[], interval: Coverage): void {
  const last = coverage.at(-1);
  if (interval.end <= interval.start) return;
  if (last?.kind === interval.kind && last.end === interval.start) coverage[coverage.length - 1] = { ...last, end: interval.end };
  else coverage.push(interval);
}

const overlaps = (a: Interval, b: Interval): boolean => a.start < b.end && b.start < a.end;

/** The latest end of each segment and those before it: separate channels overlap. */
const latestEnds = new WeakMap<readonly Segment[], readonly number[]>();
function latestEndsOf(segments: readonly Segment[]): readonly number[] {
  let latest = 0;
  const ends = latestEnds.get(segments) ?? segments.map(({ end }) => (latest = Math.max(latest, end)));
  latestEnds.set(segments, ends);
  return ends;
}

/** Whether a word overlaps an interval. Binary search, because segments are in order of time. */
function hasWord(segments: readonly Segment[], interval: Interval): boolean {
  const ends = latestEndsOf(segments);
  let [low, high] = [0, segments.length];
  while (low < high) {
    const between = (low + high) >> 1;
    if ((ends[between] ?? 0) <= interval.start) low = between + 1;
    else high = between;
  }
  for (let at = low; (segments[at]?.start ?? interval.end) < interval.end; at++)
    if (segments[at]?.words.some((word) => overlaps(word, interval)) === true) return true;
  return false;
}

const at = ({ start }: JoinedChunk, spans: readonly Interval[] = []): Interval[] =>
  spans.map((one) => ({ start: round(start + one.start), end: round(start + one.end) }));

/** Damage of a chunk, in seconds of the session, outside of what it shares with the previous one: that lists its own. */
export const damageOf = (chunk: JoinedChunk): Interval[] =>
  at(chunk, chunk.damaged).flatMap((span) => divided(span, chunk.shared === undefined ? [] : [chunk.shared]).outside);

/** Where the microphone of a chunk delivered no sound, in seconds of the session. */
export const noSignalOf = (chunk: JoinedChunk): Interval[] => at(chunk, chunk.noSignal);

/** Speech without recognized words, and damage, in order of time. In shared audio, the other decode may have recognized them. */
function unheardOf(chunks: readonly JoinedChunk[], segments: readonly Segment[]): Interval[] {
  return chunks
    .flatMap((chunk, index) => {
      const both = [chunk.shared, chunks[index + 1]?.shared].flatMap((one) => one ?? []);
      return [...at(chunk, chunk.unheard), ...damageOf(chunk)].flatMap((one) => {
        const { inside, outside } = divided(one, both);
        return [...outside, ...inside.filter((part) => !hasWord(segments, part))];
      });
    })
    .sort((a, b) => a.start - b.start);
}

/** Kind of a chunk's audio from `from` on. Unheard speech in it is `failed`. */
function kindOf({ kind, hasText, start, end }: JoinedChunk, from: number, segments: readonly Segment[]): Coverage['kind'] {
  if (kind !== 'transcribed') return kind === 'failed' ? 'failed' : 'missing';
  return hasText || hasWord(segments, { start: Math.max(start, from), end }) ? 'transcribed' : 'silence';
}

/** Coverage by these chunks from `since` on, in seconds. `segments` are those of the joined transcript. */
export function coverageOf(chunks: readonly JoinedChunk[], segments: readonly Segment[], since = 0): Coverage[] {
  const coverage: Coverage[] = [];
  const unheard = unheardOf(chunks, segments);
  let from = since;
  let next = 0;
  /** Covers a transcribed chunk up to the last unheard speech that begins in it. */
  const coverUnheard = (end: number, kind: Coverage['kind']): void => {
    for (let one = unheard[next]; one !== undefined && one.start < end; one = unheard[next]) {
      const [since, until] = [Math.max(from, one.start), Math.min(end, one.end)];
      if (until > since) {
        append(coverage, { start: from, end: since, kind });
        append(coverage, { start: since, end: until, kind: 'failed' });
        from = until;
      }
      if (one.end > end) break;
      next += 1;
    }
  };
  for (const chunk of chunks) {
    const { end } = chunk;
    const kind = kindOf(chunk, from, segments);
    if (chunk.kind === 'transcribed') coverUnheard(end, kind);
    append(coverage, { start: from, end, kind });
    from = Math.max(from, end);
  }
  return coverage;
}
