/** Joins the results of chunks into one transcript: texts in order, each word once, and a list of gaps. */
import { NOMINAL_CHUNK_SECONDS } from '../contracts/limits.ts';
import type { ChunkTranscript, Segment, Transcript } from '../contracts/transcript.ts';
import { MATCH_SECONDS, type Word } from './alignment.ts';
import type { ChunkOutcome } from './chunk-outcome.ts';
import { coverageOf, type PositionedChunk } from './coverage.ts';
import { joinSegments, withoutStopAtCut } from './regroup.ts';
import { joinTexts } from './spacing.ts';
import { round } from './times.ts';
import { withSpeakers } from './voices.ts';

/** Length of a chunk in the session's time, even if the chunk is missing. */
function chunkSeconds(outcome: ChunkOutcome): number {
  if (outcome.kind === 'transcribed') return outcome.result.duration_seconds;
  return (outcome.kind === 'missing' ? undefined : outcome.durationSeconds) ?? NOMINAL_CHUNK_SECONDS;
}

const shiftedWord = (word: Word, bySeconds: number): Word => ({
  ...word,
  start: round(word.start + bySeconds),
  end: round(word.end + bySeconds),
});

const shifted = (segment: Segment, bySeconds: number): Segment => ({
  ...segment,
  start: round(segment.start + bySeconds),
  end: round(segment.end + bySeconds),
  words: segment.words.map((word) => shiftedWord(word, bySeconds)),
});

const leadInOf = (outcome: ChunkOutcome): ChunkTranscript['lead_in'] =>
  outcome.kind === 'transcribed' ? outcome.result.lead_in : undefined;

/** Whether a chunk's text can be aligned. Texts of older systems may have no words with times. */
const isTimed = (outcome: ChunkOutcome): boolean =>
  outcome.kind === 'transcribed' && outcome.result.segments.every(({ text, words }) => text === '' || words.length > 0);

/** Positions of chunks in the session's time, and the audio that each shares with the previous one. */
function positioned(outcomes: readonly ChunkOutcome[]): PositionedChunk[] {
  const chunks: PositionedChunk[] = [];
  for (const outcome of outcomes) {
    const before = chunks.at(-1);
    const seconds = chunkSeconds(outcome);
    if (before === undefined) {
      chunks.push({ outcome, start: 0, end: round(seconds) });
      continue;
    }
    const overlap = Math.min(outcome.overlapSeconds ?? 0, seconds, before.end - before.start);
    const start = round(before.end - overlap);
    const sharedStart = round(Math.max(before.start, start - (leadInOf(outcome)?.seconds ?? 0)));
    const isShared = isTimed(before.outcome) && isTimed(outcome) && sharedStart < before.end;
    const shared = isShared ? { start: sharedStart, end: before.end } : undefined;
    chunks.push({ outcome, start, end: round(start + seconds), shared });
  }
  return chunks;
}

/** Appends a chunk's segments. Words in shared audio are joined. */
function add(joined: Segment[], { outcome, start, shared }: PositionedChunk): void {
  if (outcome.kind !== 'transcribed') return;
  const segments = outcome.result.segments.map((segment) => shifted(segment, start));
  if (shared === undefined) {
    joined.push(...withoutStopAtCut(joined.splice(-1), segments[0]), ...segments);
    return;
  }
  const tail: Segment[] = [];
  for (let last = joined.at(-1); last !== undefined && last.end > shared.start - MATCH_SECONDS; last = joined.at(-1))
    tail.unshift(...joined.splice(-1));
  const later = segments.findIndex((segment) => segment.start >= shared.end + MATCH_SECONDS);
  const head = later === -1 ? segments : segments.slice(0, later);
  const leadIn = (leadInOf(outcome)?.words ?? []).map((word) => shiftedWord(word, start));
  joined.push(...joinSegments(tail, head, { start: shared.start, leadIn }, shared.end), ...segments.slice(head.length));
}

/** Language of most words; `und` if there are none. */
function languageOf(outcomes: readonly ChunkOutcome[]): string {
  const words = new Map<string, number>();
  for (const outcome of outcomes) {
    if (outcome.kind !== 'transcribed') continue;
    for (const segment of outcome.result.segments) {
      const language = segment.language ?? outcome.result.language;
      words.set(language, (words.get(language) ?? 0) + segment.words.length);
    }
  }
  return [...words].sort(([, a], [, b]) => b - a)[0]?.[0] ?? 'und';
}

/** Reasons of gaps other than failures. */
const NEVER_UPLOADED = 'never uploaded';
const NOT_YET = 'not transcribed yet';

function gapsOf(chunks: readonly PositionedChunk[]): Transcript['gaps'] {
  return chunks.flatMap(({ outcome, start, end }, index) => {
    if (outcome.kind === 'transcribed') return [];
    const reason = outcome.kind === 'failed' ? outcome.reason : outcome.kind === 'waiting' ? NOT_YET : NEVER_UPLOADED;
    return [{ chunkNumber: index + 1, start, end, reason }];
  });
}

/** Joins the outcomes of a session's chunks. `outcomes[i]` belongs to chunk number i + 1. */
export function joinChunks(sessionId: string, outcomes: readonly ChunkOutcome[]): Transcript {
  const chunks = positioned(outcomes);
  const joined: Segment[] = [];
  for (const chunk of chunks) add(joined, chunk);
  const segments = withSpeakers(joined).map((segment, id) => ({ ...segment, id }));
  const first = outcomes.find((outcome) => outcome.kind === 'transcribed')?.result;
  return {
    sessionId,
    status: outcomes.every(({ kind }) => kind === 'transcribed') ? 'completed' : 'partial',
    language: languageOf(outcomes),
    duration_seconds: chunks.at(-1)?.end ?? 0,
    model: first?.model ?? '',
    text: joinTexts(segments.map(({ text }) => text)),
    segments,
    final: outcomes.every(({ kind }) => kind !== 'waiting'),
    gaps: gapsOf(chunks),
    coverage: coverageOf(chunks, segments),
    chunks: chunks.map(({ outcome, start, end }, index) => ({
      chunkNumber: index + 1,
      start,
      end,
      source: outcome.kind === 'transcribed' ? 'cache' : 'none',
    })),
  };
}
