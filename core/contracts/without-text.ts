/** What the pages, exports and emails report about the stretches of a recording that have no text. */
import { divided, type Interval, merged } from './intervals.ts';
import type { Transcript } from './transcript.ts';

type Covered = Pick<Transcript, 'gaps' | 'coverage'>;

/** Where more of a recording than this is missing, its text says so first. */
const MOSTLY_MISSING = 0.5;

/** `m:ss` or `h:mm:ss`. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number): string => String(value).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Stretches in which speech was detected and no word was recognized. The coverage merges them with failed chunks beside them. */
export const unheardOf = ({ gaps, coverage }: Covered): Interval[] =>
  coverage.flatMap(({ start, end, kind }) => (kind === 'failed' ? divided({ start, end }, gaps).outside : []));

/** The sentence that pages and emails begin with; undefined if at least half of the recording is there. */
export function missingNotice({ gaps, duration_seconds }: Pick<Transcript, 'gaps' | 'duration_seconds'>): string | undefined {
  const seconds = merged(gaps).reduce((sum, { start, end }) => sum + end - start, 0);
  return duration_seconds > 0 && seconds > MOSTLY_MISSING * duration_seconds
    ? `More than half of this recording is missing: ${clock(seconds)} of ${clock(duration_seconds)}.`
    : undefined;
}
