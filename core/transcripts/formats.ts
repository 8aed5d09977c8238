/** Renders transcripts as plain text and subtitles. gpu_worker/service/http/formats.py does the same; both pass test/fixtures/formats. */
import type { Format } from '../contracts/formats.ts';
import { MAX_INLINE_JSON_BYTES } from '../contracts/limits.ts';
import type { Segment, Transcript } from '../contracts/transcript.ts';

type Timed = Pick<Transcript, 'text' | 'segments'>;

const digits = (value: number, width: number): string => String(value).padStart(width, '0');

/** `HH:MM:SS`, `separator` and milliseconds. Hours may have more than two digits. */
export function timestamp(seconds: number, separator: ',' | '.'): string {
  const ms = Math.max(0, Math.round(seconds * 1000));
  const [h, m, s] = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60, Math.floor(ms / 1000) % 60];
  return `${digits(h, 2)}:${digits(m, 2)}:${digits(s, 2)}${separator}${digits(ms % 1000, 3)}`;
}

/** One line of text: a blank line would end the cue, and an arrow would be parsed as times. */
const cueText = (text: string): string => text.replace(/\s+/g, ' ').trim().replaceAll('-->', '->');
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const spoken = (segments: readonly Segment[]): Segment[] => segments.filter((segment) => cueText(segment.text) !== '');
/** Some players reject a cue that ends where it starts. */
const cueEnd = ({ start, end }: Segment): number => Math.max(end, start + 0.001);

const toTxt = ({ text }: Timed): string => (text === '' ? '' : `${text}\n`);

export const toSrt = ({ segments }: Timed): string =>
  spoken(segments)
    .map((cue, i) => `${i + 1}\n${timestamp(cue.start, ',')} --> ${timestamp(cueEnd(cue), ',')}\n${cueText(cue.text)}\n`)
    .join('\n');

export const toVtt = ({ segments }: Timed): string =>
  [
    'WEBVTT\n',
    ...spoken(segments).map(
      (cue) => `${timestamp(cue.start, '.')} --> ${timestamp(cueEnd(cue), '.')}\n${escaped(cueText(cue.text))}\n`,
    ),
  ].join('\n');

const WRITERS: Readonly<Record<Format, (transcript: Timed) => string>> = {
  json: (transcript) => JSON.stringify(transcript),
  txt: toTxt,
  srt: toSrt,
  vtt: toVtt,
};

/** The transcript in this format. */
export const render = (transcript: Timed, format: Format): string => WRITERS[format](transcript);

/** Whether this JSON, or the text in it, is small enough for a response. */
export const fitsResponse = (text: string): boolean => Buffer.byteLength(text) <= MAX_INLINE_JSON_BYTES;
