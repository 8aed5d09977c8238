/** Marks of what a transcript does not contain, for readers of its text and subtitles. */
import { merged } from '../contracts/intervals.ts';
import type { Transcript } from '../contracts/transcript.ts';
import { clock, missingNotice, unheardOf } from '../contracts/without-text.ts';

/** A stretch without text. */
export interface Mark {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Shorter stretches of speech without words are not marked. */
const UNHEARD_SECONDS = 2;

const markOf =
  (what: string) =>
  ({ start, end }: { readonly start: number; readonly end: number }): Mark => ({
    start,
    end,
    text: `[${what} ${clock(start)}-${clock(end)}]`,
  });

/** Where a recording was interrupted, in seconds. No time passes in the recording meanwhile. */
export interface Interruption {
  readonly at: number;
  readonly lostSeconds?: number | undefined;
}

/** How long subtitles show an interruption. */
const INTERRUPTION_SECONDS = 2;

const interruptionMark = ({ at, lostSeconds }: Interruption): Mark => ({
  start: at,
  end: at + INTERRUPTION_SECONDS,
  text: `[interrupted ${clock(at)}${lostSeconds === undefined ? '' : `, ${Math.round(lostSeconds)} s lost`}]`,
});

/** What of a transcript decides about its marks. */
export type Marked = Pick<Transcript, 'gaps' | 'coverage' | 'duration_seconds' | 'no_signal'> & {
  readonly interruptions?: readonly Interruption[] | undefined;
};

/** The marks in order of time: what is missing, speech without words, where the microphone delivered no sound, interruptions. */
export const marksOf = ({ gaps, coverage, no_signal = [], interruptions = [] }: Marked): Mark[] =>
  [
    ...merged(gaps).map(markOf('missing')),
    ...unheardOf({ gaps, coverage })
      .filter(({ start, end }) => end - start >= UNHEARD_SECONDS)
      .map(markOf('unheard')),
    ...no_signal.map(markOf('no signal')),
    ...interruptions.map(interruptionMark),
  ].sort((a, b) => a.start - b.start);

/** The mark that stands first; undefined if at least half of the recording is there. */
export function firstMark(transcript: Marked): string | undefined {
  const notice = missingNotice(transcript);
  return notice && `[${notice.toLowerCase().replace(/[.]$/, '')}]`;
}
