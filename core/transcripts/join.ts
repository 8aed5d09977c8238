/**
 * Joins the results of chunks into one transcript: texts in order, each word once, and a list of gaps.
 *
 * Chunks are added one after the other, and each changes only the end of the text before it. So a text can be stored in parts
 * (joined-parts.ts) and continued from any of them.
 */
import { type Interval, merged } from '../contracts/intervals.ts';
import { NOMINAL_CHUNK_SECONDS } from '../contracts/limits.ts';
import type { SpeakerChanges } from '../contracts/speakers.ts';
import type { ChunkTranscript, Segment, Transcript } from '../contracts/transcript.ts';
import { MATCH_SECONDS, type Word } from './alignment.ts';
import type { ChunkOutcome } from './chunk-outcome.ts';
import type { SpeakerLimits } from './clustering.ts';
import { coverageOf, damageOf, type JoinedChunk, noSignalOf } from './coverage.ts';
import type { Detected } from './people.ts';
import { joinSegments, withoutStopAtCut } from './regroup.ts';
import { joinTexts } from './spacing.ts';
import { round } from './times.ts';
import { detectedIn, type Voices, voiceKey, withSpeakers } from './with-speakers.ts';
import { withDurations } from './word-times.ts';

/** What precedes the first chunk of a joined text. */
interface Before {
  readonly chunks: number;
  readonly segments: number;
  /** Text of the last segment that has one. */
  readonly text: string;
  /** The last chunk. */
  readonly last?: JoinedChunk | undefined;
  /** End of the chunks before the last one, in seconds of the session. */
  readonly seconds: number;
  /** Where the microphone delivered no sound: the stretches that end then or later. */
  readonly noSignal?: readonly Interval[];
}

/** Values of all chunks so far, including those before. */
interface Totals {
  /** Number of words by language. */
  readonly words: Readonly<Record<string, number>>;
  /** Model of the first transcribed chunk. */
  readonly model?: string | undefined;
  readonly isGapless: boolean;
}

/** The joined text of consecutive chunks. */
export interface Joined {
  readonly before: Before;
  readonly chunks: readonly JoinedChunk[];
  /** Segments that no later chunk changes. */
  readonly closed: readonly Segment[];
  /** The segments after them, which the next chunk can change. */
  readonly open: readonly Segment[];
  readonly totals: Totals;
}

export const NOTHING_JOINED: Joined = {
  before: { chunks: 0, segments: 0, text: '', seconds: 0 },
  chunks: [],
  closed: [],
  open: [],
  totals: { words: {}, isGapless: true },
};

/** Length of a chunk in the session's time, even if the chunk is missing. */
function chunkSeconds(outcome: ChunkOutcome): number {
  if (outcome.kind === 'transcribed') return outcome.result.duration_seconds;
  return (outcome.kind === 'missing' ? undefined : outcome.durationSeconds) ?? NOMINAL_CHUNK_SECONDS;
}

/** Number and position of a chunk in its session. */
interface Place {
  readonly number: number;
  readonly start: number;
}

/** A word of a chunk in seconds of the session, with the key of its voice. */
const placedWord = (word: Word, { number, start }: Place): Word => ({
  ...word,
  start: round(word.start + start),
  end: round(word.end + start),
  ...(word.speaker !== undefined && { speaker: voiceKey(number, word.speaker) }),
});

const placed = (segment: Segment, place: Place): Segment => ({
  ...segment,
  start: round(segment.start + place.start),
  end: round(segment.end + place.start),
  words: segment.words.map((word) => placedWord(word, place)),
});

/** Segments whose words last; in results of older engines some do not. */
function lasting(segments: readonly Segment[]): Segment[] {
  const words = withDurations(segments.flatMap((segment) => segment.words));
  let from = 0;
  return segments.map((segment) => {
    const own = words.slice(from, from + segment.words.length);
    from += own.length;
    const [first, last] = [own[0], own.at(-1)];
    if (first === undefined || last === undefined || own.every((word, i) => word === segment.words[i])) return segment;
    return { ...segment, start: first.start, end: last.end, words: own };
  });
}

const leadInOf = (outcome: ChunkOutcome): ChunkTranscript['lead_in'] =>
  outcome.kind === 'transcribed' ? outcome.result.lead_in : undefined;

/** Reasons of gaps other than failures. */
const NEVER_UPLOADED = 'never uploaded';
const NOT_YET = 'not transcribed yet';
const DAMAGED = 'the recording is damaged';

/** What the transcript contains of a chunk besides its segments. Texts of older systems may have no words with times. */
function contentOf(outcome: ChunkOutcome): Omit<JoinedChunk, 'start' | 'end' | 'shared'> {
  if (outcome.kind !== 'transcribed') {
    const reason = outcome.kind === 'failed' ? outcome.reason : outcome.kind === 'waiting' ? NOT_YET : NEVER_UPLOADED;
    return { kind: outcome.kind, reason, isTimed: false, hasText: false };
  }
  const { segments, unheard, damaged, no_signal: noSignal, speakers: voices } = outcome.result;
  const isTimed = segments.every(({ text, words }) => text === '' || words.length > 0);
  return {
    kind: outcome.kind,
    isTimed,
    hasText: segments.length > 0,
    ...(unheard !== undefined && { unheard }),
    ...(damaged !== undefined && { damaged }),
    ...(noSignal !== undefined && { noSignal }),
    ...(voices !== undefined && { voices }),
  };
}

/** Position of a chunk in the session's time, and the audio that it shares with the previous one. */
function positioned(outcome: ChunkOutcome, before: JoinedChunk | undefined): JoinedChunk {
  const content = contentOf(outcome);
  const seconds = chunkSeconds(outcome);
  if (before === undefined) return { ...content, start: 0, end: round(seconds) };
  const overlap = Math.min(outcome.overlapSeconds ?? 0, seconds, before.end - before.start);
  const start = round(before.end - overlap);
  const sharedStart = round(Math.max(before.start, start - (leadInOf(outcome)?.seconds ?? 0)));
  const isShared = before.isTimed && content.isTimed && sharedStart < before.end;
  const shared = isShared ? { start: sharedStart, end: before.end } : undefined;
  return { ...content, start, end: round(start + seconds), shared };
}

/** A chunk's segments and lead-in words, in seconds of the session. */
interface Added {
  readonly segments: readonly Segment[];
  readonly leadIn: readonly Word[];
}

/** Appends segments. Words in shared audio are joined. */
function append(joined: Segment[], { segments, leadIn }: Added, shared: JoinedChunk['shared']): void {
  if (shared === undefined) {
    joined.push(...withoutStopAtCut(joined.splice(-1), segments[0]), ...segments);
    return;
  }
  const tail: Segment[] = [];
  for (let last = joined.at(-1); last !== undefined && last.end > shared.start - MATCH_SECONDS; last = joined.at(-1))
    tail.unshift(...joined.splice(-1));
  const later = segments.findIndex((segment) => segment.start >= shared.end + MATCH_SECONDS);
  const head = later === -1 ? segments : segments.slice(0, later);
  joined.push(...joinSegments(tail, head, { start: shared.start, leadIn }, shared.end), ...segments.slice(head.length));
}

/** Appends a chunk's segments; separate channels each for itself, merged by time. */
function add(joined: Segment[], outcome: ChunkOutcome, { start, shared }: JoinedChunk, number: number): void {
  if (outcome.kind !== 'transcribed') return;
  const place = { number, start };
  const segments = outcome.result.segments.map((segment) => placed(segment, place));
  const leadIn = (leadInOf(outcome)?.words ?? []).map((word) => ({ ...placedWord(word, place), channel: word.channel }));
  const channels = [...new Set([...joined, ...segments].map(({ channel }) => channel))];
  const merged = channels.flatMap((channel) => {
    const isOwn = (one: { channel?: number | undefined }): boolean => one.channel === channel;
    const own = joined.filter(isOwn);
    const words = leadIn.filter(isOwn).map(({ channel: _channel, ...word }) => word);
    append(own, { segments: lasting(segments.filter(isOwn)), leadIn: words }, shared);
    return channel === undefined ? own : own.map((segment) => ({ ...segment, channel }));
  });
  joined.splice(0, joined.length, ...(channels.length > 1 ? merged.sort((a, b) => a.start - b.start) : merged));
}

/**
 * Number of leading segments that a chunk after `last` cannot change: it shares audio with `last` only, or changes one word. Of
 * separate channels, it changes no word before `last`.
 */
function closedCount(segments: readonly Segment[], last: JoinedChunk): number {
  if (segments.some(({ channel }) => channel !== undefined)) {
    const open = segments.findIndex(({ end }) => end > last.start - MATCH_SECONDS);
    return open === -1 ? segments.length : open;
  }
  for (let at = segments.length - 1; at > 0; at--) if ((segments[at - 1]?.end ?? 0) <= last.start - MATCH_SECONDS) return at;
  return 0;
}

function countWords(words: Record<string, number>, { language, segments }: ChunkTranscript): void {
  for (const segment of segments) {
    const name = segment.language ?? language;
    words[name] = (words[name] ?? 0) + segment.words.length;
  }
}

/** Adds the outcomes of the next chunks. */
export function extend(joined: Joined, outcomes: readonly ChunkOutcome[]): Joined {
  const chunks = [...joined.chunks];
  const closed = [...joined.closed];
  const open = [...joined.open];
  const words = { ...joined.totals.words };
  let { model, isGapless } = joined.totals;
  for (const outcome of outcomes) {
    const chunk = positioned(outcome, chunks.at(-1) ?? joined.before.last);
    chunks.push(chunk);
    add(open, outcome, chunk, joined.before.chunks + chunks.length);
    closed.push(...open.splice(0, closedCount(open, chunk)));
    if (outcome.kind === 'transcribed') {
      countWords(words, outcome.result);
      model ??= outcome.result.model;
    } else isGapless = false;
  }
  return { before: joined.before, chunks, closed, open, totals: { words, model, isGapless } };
}

/** Where the microphone delivered no sound. A stretch continues over the boundaries of chunks. */
const silencesOf = ({ before, chunks }: Pick<Joined, 'before' | 'chunks'>): Interval[] =>
  merged([...(before.noSignal ?? []), ...chunks.flatMap(noSignalOf)]);

/** The beginning of the text that continues `joined`. */
export function continuationOf({ before, chunks, closed, open, totals }: Joined): Joined {
  const last = chunks.at(-1) ?? before.last;
  const earlier = [...(chunks.length > 0 && before.last !== undefined ? [before.last] : []), ...chunks.slice(0, -1)];
  const seconds = earlier.reduce((end, chunk) => Math.max(end, chunk.end), before.seconds);
  return {
    before: {
      chunks: before.chunks + chunks.length,
      segments: before.segments + closed.length,
      text: closed.findLast(({ text }) => text !== '')?.text ?? before.text,
      last,
      seconds,
      noSignal: silencesOf({ before, chunks }).filter(({ end }) => end >= seconds),
    },
    chunks: [],
    closed: [],
    open,
    totals,
  };
}

/** Shorter stretches in which the microphone delivered no sound are not listed. */
const NO_SIGNAL_SECONDS = 10;

/** Language of most words; `und` if there are none. */
const languageOf = ({ words }: Totals): string => Object.entries(words).sort(([, a], [, b]) => b - a)[0]?.[0] ?? 'und';

const voicesOf = ({ before, chunks }: Joined): Voices =>
  new Map(
    chunks.flatMap(({ voices = [] }, chunk) =>
      voices.map((voice, index) => [voiceKey(before.chunks + chunk + 1, index), voice] as const),
    ),
  );

/** The speakers of the joined chunks. */
export const speakersIn = (joined: Joined, limits?: SpeakerLimits): readonly Detected[] =>
  detectedIn([...joined.closed, ...joined.open], voicesOf(joined), limits);

/**
 * The transcript of the joined chunks. What precedes them counts in `status`, `language` and `model` only. `changes`: what the
 * user has changed of its speakers; `limits`: what the user knows of their number.
 */
export function transcriptOf(sessionId: string, joined: Joined, changes?: SpeakerChanges, limits?: SpeakerLimits): Transcript {
  const { before, chunks, closed, open, totals } = joined;
  const segments = withSpeakers([...closed, ...open], voicesOf(joined), changes, limits).map((segment, index) => ({
    ...segment,
    id: before.segments + index,
  }));
  const noSignal = silencesOf({ before, chunks }).filter(({ start, end }) => end - start >= NO_SIGNAL_SECONDS);
  const numbered = chunks.map((chunk, index) => ({ chunk, chunkNumber: before.chunks + index + 1 }));
  return {
    sessionId,
    status: totals.isGapless ? 'completed' : 'partial',
    language: languageOf(totals),
    duration_seconds: (chunks.at(-1) ?? before.last)?.end ?? 0,
    model: totals.model ?? '',
    text: joinTexts(segments.map(({ text }) => text)),
    segments,
    final: chunks.every(({ kind }) => kind !== 'waiting'),
    gaps: numbered.flatMap(({ chunk, chunkNumber }) => [
      ...(chunk.reason === undefined ? [] : [{ chunkNumber, start: chunk.start, end: chunk.end, reason: chunk.reason }]),
      ...damageOf(chunk).map((span) => ({ chunkNumber, ...span, reason: DAMAGED })),
    ]),
    coverage: coverageOf(before.last === undefined ? chunks : [before.last, ...chunks], segments, before.seconds),
    chunks: numbered.map(({ chunk: { kind, start, end }, chunkNumber }) => ({
      chunkNumber,
      start,
      end,
      source: kind === 'transcribed' ? 'cache' : 'none',
    })),
    ...(noSignal.length > 0 && { no_signal: noSignal }),
  };
}

/** Joins the outcomes of a session's chunks. `outcomes[i]` belongs to chunk number i + 1. */
export const joinChunks = (sessionId: string, outcomes: readonly ChunkOutcome[]): Transcript =>
  transcriptOf(sessionId, extend(NOTHING_JOINED, outcomes));
