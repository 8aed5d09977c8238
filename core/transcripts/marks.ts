/** Marks of what a transcript does not contain, for readers of its text and subtitles. */
import type { Transcript } from '../contracts/transcript.ts';

/** A stretch without text. */
export interface Mark {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Shorter stretches of speech without words are not marked. */
const UNHEARD_SECONDS = 2;
/** Where more of a recording than this is missing, its text says so first. */
const MOSTLY_MISSING = 0.5;

/** `m:ss` or `h:mm:ss`. */
function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number): string => String(value).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
const markOf = (what: string, start: number, end: number): Mark => ({
  start,
  end,
  text: `[${what} ${clock(start)}-${clock(end)}]`,
});

type Marked = Pick<Transcript, 'gaps' | 'coverage' | 'duration_seconds'>;
interface Interval {
  readonly start: number;
  readonly end: number;
}

/** Adjacent and overlapping intervals as one. */
function merged(intervals: readonly Interval[]): Interval[] {
  const joined: Interval[] = [];
  for (const { start, end } of [...intervals].sort((a, b) => a.start - b.start)) {
    const last = joined.at(-1);
    if (last !== undefined && start <= last.end) joined[joined.length - 1] = { ...last, end: Math.max(last.end, end) };
    else joined.push({ start, end });
  }
  return joined;
}

/** The marks in order of time: what is missing, and speech without words. */
export function marksOf({ gaps, coverage }: Marked): Mark[] {
  const missing = merged(gaps);
  const isMissing = ({ start, end }: Interval): boolean => missing.some((gap) => gap.start < end && gap.end > start);
  const unheard = coverage.filter((one) => one.kind === 'failed' && one.end - one.start >= UNHEARD_SECONDS && !isMissing(one));
  return [
    ...missing.map(({ start, end }) => markOf('missing', start, end)),
    ...unheard.map(({ start, end }) => markOf('unheard', start, end)),
  ].sort((a, b) => a.start - b.start);
}

/** What to say first; undefined if at least half of the recording is there. */
export function mostlyMissing({ gaps, duration_seconds }: Marked): string | undefined {
  const seconds = merged(gaps).reduce((sum, { start, end }) => sum + end - start, 0);
  return duration_seconds > 0 && seconds > MOSTLY_MISSING * duration_seconds
    ? `[more than half of this recording is missing: ${clock(seconds)} of ${clock(duration_seconds)}]`
    : undefined;
}
