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

/** A date without a time of day says too little; clocks that were never set begin in 1904 or 1970. */
const [HAS_TIME, EARLIEST_MS] = [/\d:\d\d/, Date.UTC(1971)];

/** `recordedAt`: ISO 8601, or what a file tells. */
export function recordedOf(recordedAt: string | undefined): { recorded_at_ms?: number } {
  if (recordedAt === undefined || !HAS_TIME.test(recordedAt)) return {};
  const ms = Date.parse(recordedAt);
  return ms > EARLIEST_MS ? { recorded_at_ms: ms } : {};
}
