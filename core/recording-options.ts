/** Options that recordings and files have in common, as their rows contain them. */
import type { CHANNELS } from './contracts/media.ts';
import { DomainError } from './errors.ts';

type Channels = (typeof CHANNELS)[number] | undefined;

/** @throws DomainError `invalid` if speakers are requested in two ways */
export function admitSpeakers(input: { readonly diarize?: boolean | undefined; readonly channels?: Channels }): void {
  if (input.diarize && input.channels === 'separate')
    throw new DomainError('invalid', 'with separate channels, each channel is a speaker; leave out diarize');
}

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
