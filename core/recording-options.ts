/** Options that recordings and files have in common, as their rows contain them. */
import type { CHANNELS } from './contracts/media.ts';
import type { SpeakerNumbers } from './contracts/speakers.ts';
import { DomainError } from './errors.ts';

type Channels = (typeof CHANNELS)[number] | undefined;

/** A request for speakers. */
interface SpeakerRequest {
  readonly diarize?: boolean | undefined;
  readonly channels?: Channels;
  readonly minSpeakers?: number | undefined;
  readonly maxSpeakers?: number | undefined;
}

/** @throws DomainError `invalid` if speakers are requested in two ways, or in an impossible number */
export function admitSpeakers({ diarize, channels, minSpeakers, maxSpeakers }: SpeakerRequest): void {
  if (diarize && channels === 'separate')
    throw new DomainError('invalid', 'with separate channels, each channel is a speaker; leave out diarize');
  if (!diarize && (minSpeakers ?? maxSpeakers) !== undefined)
    throw new DomainError('invalid', 'minSpeakers and maxSpeakers are only for requests with diarize');
  if (minSpeakers !== undefined && maxSpeakers !== undefined && minSpeakers > maxSpeakers)
    throw new DomainError('invalid', 'minSpeakers must not be greater than maxSpeakers');
}

export const speakerNumbersOf = ({ minSpeakers, maxSpeakers }: SpeakerRequest): SpeakerNumbers => ({
  ...(minSpeakers !== undefined && { min_speakers: minSpeakers }),
  ...(maxSpeakers !== undefined && { max_speakers: maxSpeakers }),
});

/** The numbers of speakers of one row, for another row. */
export const sameSpeakerNumbers = ({ min_speakers, max_speakers }: SpeakerNumbers): SpeakerNumbers =>
  speakerNumbersOf({ minSpeakers: min_speakers, maxSpeakers: max_speakers });

/** The same for the grouping of voices. */
export const speakerLimitsOf = ({ min_speakers, max_speakers }: SpeakerNumbers) => ({
  least: min_speakers,
  most: max_speakers,
});

export const separateOf = (channels: Channels): { channels?: 'separate' } => (channels === 'separate' ? { channels } : {});

/** A date without a time of day says too little. */
const HAS_TIME = /\d:\d\d/;
/** Clocks that were never set begin in 1904 or 1970. */
const EARLIEST_MS = Date.UTC(1971);

function timeOf(text: string | undefined): number | undefined {
  const ms = text !== undefined && HAS_TIME.test(text) ? Date.parse(text) : Number.NaN;
  return ms > EARLIEST_MS ? ms : undefined;
}

/** `recordedAt`: ISO 8601, or what a file tells. */
export function recordedOf(recordedAt: string | undefined): { recorded_at_ms?: number } {
  const ms = timeOf(recordedAt);
  return ms === undefined ? {} : { recorded_at_ms: ms };
}

export function modifiedOf(modifiedAt: string | undefined): { modified_at_ms?: number } {
  const ms = timeOf(modifiedAt);
  return ms === undefined ? {} : { modified_at_ms: ms };
}
