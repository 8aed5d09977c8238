/** Chunk results become one transcript: texts in order, each once, every hole listed. */
import { NOMINAL_CHUNK_SECONDS } from '../contracts/limits.ts';
import type { ChunkTranscript, Segment, Transcript } from '../contracts/transcript.ts';

/** What is known of one chunk number of a session. */
export type ChunkOutcome =
  | { readonly kind: 'transcribed'; readonly result: ChunkTranscript }
  | { readonly kind: 'failed'; readonly reason: string; readonly durationSeconds?: number | undefined }
  | { readonly kind: 'missing' };

/** Times are kept to the millisecond; sums of binary fractions would show otherwise. */
export const round = (seconds: number): number => Math.round(seconds * 1000) / 1000;

/** Length that a chunk takes in time, also when it is not there. */
function chunkSeconds(outcome: ChunkOutcome): number {
  if (outcome.kind === 'transcribed') return outcome.result.duration_seconds;
  return (outcome.kind === 'failed' ? outcome.durationSeconds : undefined) ?? NOMINAL_CHUNK_SECONDS;
}

const shifted = (segment: Segment, id: number, bySeconds: number): Segment => ({
  ...segment,
  id,
  start: round(segment.start + bySeconds),
  end: round(segment.end + bySeconds),
  words: segment.words.map((word) => ({ ...word, start: round(word.start + bySeconds), end: round(word.end + bySeconds) })),
});

type Coverage = Transcript['coverage'][number];
const coverageKind = (outcome: ChunkOutcome): Coverage['kind'] => {
  if (outcome.kind !== 'transcribed') return outcome.kind;
  return outcome.result.segments.length > 0 ? 'transcribed' : 'silence';
};

/** Neighbours of one kind become one interval. */
function append(coverage: Coverage[], interval: Coverage): void {
  const last = coverage.at(-1);
  if (last?.kind === interval.kind && last.end === interval.start) coverage[coverage.length - 1] = { ...last, end: interval.end };
  else if (interval.end > interval.start) coverage.push(interval);
}

/** `outcomes[i]` belongs to chunk number i + 1. */
export function joinChunks(sessionId: string, outcomes: readonly ChunkOutcome[]): Transcript {
  const segments: Segment[] = [];
  const texts: string[] = [];
  const gaps: Transcript['gaps'] = [];
  const coverage: Coverage[] = [];
  const chunks: Transcript['chunks'] = [];
  let start = 0;
  for (const [index, outcome] of outcomes.entries()) {
    const chunkNumber = index + 1;
    const end = round(start + chunkSeconds(outcome));
    if (outcome.kind === 'transcribed') {
      for (const segment of outcome.result.segments) segments.push(shifted(segment, segments.length, start));
      if (outcome.result.text !== '') texts.push(outcome.result.text);
    } else {
      const reason = outcome.kind === 'failed' ? outcome.reason : 'never uploaded';
      gaps.push({ chunkNumber, start, end, reason });
    }
    append(coverage, { start, end, kind: coverageKind(outcome) });
    chunks.push({ chunkNumber, start, end, source: outcome.kind === 'transcribed' ? 'cache' : 'none' });
    start = end;
  }
  const first = outcomes.find((outcome) => outcome.kind === 'transcribed')?.result;
  return {
    sessionId,
    status: gaps.length === 0 ? 'completed' : 'partial',
    language: first?.language ?? 'und',
    duration_seconds: start,
    model: first?.model ?? '',
    text: texts.join(' '),
    segments,
    gaps,
    coverage,
    chunks,
  };
}
