/** Chunk results become one transcript: texts in order, each once, every hole listed. */
import { NOMINAL_CHUNK_SECONDS } from '../contracts/limits.ts';
import type { ChunkTranscript, Segment, Transcript } from '../contracts/transcript.ts';
import { seam, withoutEnd, withoutStart } from './seam.ts';
import { withSpeakers } from './voices.ts';

/** What is known of one chunk number of a session. `overlapSeconds`: audio at its beginning that the chunk before it holds too. */
export type ChunkOutcome = { readonly overlapSeconds?: number | undefined } & (
  | { readonly kind: 'transcribed'; readonly result: ChunkTranscript }
  | { readonly kind: 'failed'; readonly reason: string; readonly durationSeconds?: number | undefined }
  | { readonly kind: 'waiting'; readonly durationSeconds?: number | undefined }
  | { readonly kind: 'missing' }
);

/** Times are kept to the millisecond; sums of binary fractions would show otherwise. */
export const round = (seconds: number): number => Math.round(seconds * 1000) / 1000;

/** Length that a chunk takes in time, also when it is not there. */
function chunkSeconds(outcome: ChunkOutcome): number {
  if (outcome.kind === 'transcribed') return outcome.result.duration_seconds;
  return (outcome.kind === 'missing' ? undefined : outcome.durationSeconds) ?? NOMINAL_CHUNK_SECONDS;
}

const shifted = (segment: Segment, bySeconds: number): Segment => ({
  ...segment,
  start: round(segment.start + bySeconds),
  end: round(segment.end + bySeconds),
  words: segment.words.map((word) => ({ ...word, start: round(word.start + bySeconds), end: round(word.end + bySeconds) })),
});

type Coverage = Transcript['coverage'][number];

/** Neighbours of one kind become one interval. */
function append(coverage: Coverage[], interval: Coverage): void {
  const last = coverage.at(-1);
  if (interval.end <= interval.start) return;
  if (last?.kind === interval.kind && last.end === interval.start) coverage[coverage.length - 1] = { ...last, end: interval.end };
  else coverage.push(interval);
}

/** Reasons of gaps that are nobody's fault. */
const NEVER_UPLOADED = 'never uploaded';
const NOT_YET = 'not transcribed yet';

/** What a chunk covers from `from` on: speech that gave no words is no silence, and is said so. */
function* covered(outcome: ChunkOutcome, start: number, from: number, end: number): Generator<Coverage> {
  if (outcome.kind !== 'transcribed') {
    yield { start: from, end, kind: outcome.kind === 'failed' ? 'failed' : 'missing' };
    return;
  }
  const kind = outcome.result.segments.length > 0 ? 'transcribed' : 'silence';
  let at = from;
  for (const unheard of outcome.result.unheard ?? []) {
    const [since, until] = [Math.max(at, round(start + unheard.start)), Math.min(end, round(start + unheard.end))];
    if (until <= since) continue;
    yield { start: at, end: since, kind };
    yield { start: since, end: until, kind: 'failed' };
    at = until;
  }
  yield { start: at, end, kind };
}

const wordsOf = (segments: readonly Segment[]): Segment['words'] => segments.flatMap((segment) => segment.words);

interface Place {
  readonly start: number;
  readonly end: number;
}

/** Adds a chunk's segments to those before it; the words that both have are taken from one of them. */
function addTo(segments: Segment[], added: readonly Segment[], start: number, endBefore: number): void {
  const tail: Segment[] = [];
  for (let last = segments.at(-1); last !== undefined && last.end > start - 1; last = segments.at(-1))
    tail.unshift(...segments.splice(-1));
  const { fromEnd, fromStart } = seam(wordsOf(tail), wordsOf(added), start, endBefore);
  segments.push(...withoutEnd(tail, fromEnd));
  segments.push(...withoutStart(added, fromStart, segments.at(-1)?.end ?? 0));
}

/** `outcomes[i]` belongs to chunk number i + 1. */
export function joinChunks(sessionId: string, outcomes: readonly ChunkOutcome[]): Transcript {
  const placed: Place[] = [];
  const joined: Segment[] = [];
  for (const outcome of outcomes) {
    const before = placed.at(-1);
    const seconds = chunkSeconds(outcome);
    const overlap = before === undefined ? 0 : Math.min(outcome.overlapSeconds ?? 0, seconds, before.end - before.start);
    const start = round((before?.end ?? 0) - overlap);
    placed.push({ start, end: round(start + seconds) });
    if (outcome.kind !== 'transcribed') continue;
    const segments = outcome.result.segments.map((segment) => shifted(segment, start));
    if (overlap === 0) joined.push(...segments);
    else addTo(joined, segments, start, before?.end ?? start);
  }
  const gaps: Transcript['gaps'] = [];
  const coverage: Coverage[] = [];
  const chunks: Transcript['chunks'] = [];
  for (const [index, outcome] of outcomes.entries()) {
    const chunkNumber = index + 1;
    const { start, end } = placed[index] ?? { start: 0, end: 0 };
    for (const interval of covered(outcome, start, placed[index - 1]?.end ?? 0, end)) append(coverage, interval);
    if (outcome.kind !== 'transcribed') {
      const reason = outcome.kind === 'failed' ? outcome.reason : outcome.kind === 'waiting' ? NOT_YET : NEVER_UPLOADED;
      gaps.push({ chunkNumber, start, end, reason });
    }
    chunks.push({ chunkNumber, start, end, source: outcome.kind === 'transcribed' ? 'cache' : 'none' });
  }
  const first = outcomes.find((outcome) => outcome.kind === 'transcribed')?.result;
  const segments = withSpeakers(joined).map((segment, id) => ({ ...segment, id }));
  return {
    sessionId,
    status: outcomes.every(({ kind }) => kind === 'transcribed') ? 'completed' : 'partial',
    language: first?.language ?? 'und',
    duration_seconds: placed.at(-1)?.end ?? 0,
    model: first?.model ?? '',
    text: segments
      .map(({ text }) => text)
      .filter(Boolean)
      .join(' '),
    segments,
    final: outcomes.every(({ kind }) => kind !== 'waiting'),
    gaps,
    coverage,
    chunks,
  };
}
