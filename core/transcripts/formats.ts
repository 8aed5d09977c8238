/**
 * Renders transcripts as plain text and subtitles. gpu_worker/service/http/formats.py does the same without marks, because its
 * transcripts have no gaps; both pass test/fixtures/formats.
 */
import type { Format } from '../contracts/formats.ts';
import type { Transcript } from '../contracts/transcript.ts';
import { type Cue, cuesOf } from './cues.ts';
import { firstMark, type Mark, type Marked, marksOf } from './marks.ts';
import { toPlainText } from './plain-text.ts';

type Timed = Pick<Transcript, 'text' | 'segments'> & Marked;

const digits = (value: number, width: number): string => String(value).padStart(width, '0');

const milliseconds = (seconds: number): number => Math.max(0, Math.round(seconds * 1000));

/** `HH:MM:SS`, `separator` and milliseconds. Hours may have more than two digits. */
export function timestamp(seconds: number, separator: ',' | '.'): string {
  const ms = milliseconds(seconds);
  const [h, m, s] = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60, Math.floor(ms / 1000) % 60];
  return `${digits(h, 2)}:${digits(m, 2)}:${digits(s, 2)}${separator}${digits(ms % 1000, 3)}`;
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** How long the cue stays that says first that most is missing. */
const FIRST_SECONDS = 3;

/** Marks of what is missing, if they are wanted. The first one says whether that is most. */
export function marksOn(transcript: Marked, isWanted: boolean): Mark[] {
  if (!isWanted) return [];
  const first = firstMark(transcript);
  return [...(first === undefined ? [] : [{ start: 0, end: FIRST_SECONDS, text: first }]), ...marksOf(transcript)];
}

/** Cues and marks in order of time. Some players reject a cue that ends where it starts. */
export function subtitles(transcript: Timed, marks: boolean, namesSpeakers: boolean): Cue[] {
  const marked = marksOn(transcript, marks).map(({ start, end, text }): Cue => ({ start, end, lines: [text], words: [] }));
  return [...marked, ...cuesOf(transcript.segments, namesSpeakers)]
    .sort((a, b) => a.start - b.start)
    .map((cue) => ({ ...cue, end: Math.max(cue.end, cue.start + 0.001) }));
}

const toSrt = (transcript: Timed, marks: boolean): string =>
  subtitles(transcript, marks, true)
    .map(({ start, end, lines }, i) => `${i + 1}\n${timestamp(start, ',')} --> ${timestamp(end, ',')}\n${lines.join('\n')}\n`)
    .join('\n');

const voice = ({ speaker }: Cue): string => (speaker === undefined ? '' : `<v ${escaped(speaker)}>`);

/**
 * The lines of a cue with the time of each word but the first. A time must be later than the one before it, and within the cue.
 * @see https://www.w3.org/TR/webvtt1/#webvtt-cue-timestamp
 */
function withTimes({ start, end, lines, words }: Cue): string {
  if (words.length === 0) return escaped(lines.join('\n'));
  let last = milliseconds(start);
  const timed = words.map((line) =>
    line.map((word, i) => {
      const ms = milliseconds(word.start);
      const isTimed = ms > last && ms < milliseconds(end);
      if (isTimed) last = ms;
      const time = isTimed ? `<${timestamp(word.start, '.')}>` : '';
      return `${word.isSpaced && i > 0 ? ' ' : ''}${time}${escaped(word.text)}`;
    }),
  );
  return timed.map((line) => line.join('')).join('\n');
}

const toVtt = (transcript: Timed, marks: boolean, words: boolean): string =>
  [
    'WEBVTT\n',
    ...subtitles(transcript, marks, false).map((cue) => {
      const text = words ? withTimes(cue) : escaped(cue.lines.join('\n'));
      return `${timestamp(cue.start, '.')} --> ${timestamp(cue.end, '.')}\n${voice(cue)}${text}\n`;
    }),
  ].join('\n');

const toJson = (transcript: Timed, words: boolean): string =>
  JSON.stringify(
    words ? transcript : { ...transcript, segments: transcript.segments.map((segment) => ({ ...segment, words: [] })) },
  );

export interface RenderOptions {
  /** Say what is missing. JSON lists it in `gaps` and `coverage` instead. @default true */
  readonly marks?: boolean;
  /** Times of words. @default true for json, false for vtt; the other formats have none */
  readonly words?: boolean | undefined;
}

const WRITERS = {
  json: (transcript, { words = true }) => toJson(transcript, words),
  txt: (transcript, { marks = true }) => toPlainText(transcript, marksOn(transcript, marks)),
  srt: (transcript, { marks = true }) => toSrt(transcript, marks),
  vtt: (transcript, { marks = true, words = false }) => toVtt(transcript, marks, words),
} satisfies Partial<Record<Format, (transcript: Timed, options: RenderOptions) => string>>;

/** The transcript in this format. */
export const render = (transcript: Timed, format: keyof typeof WRITERS, options: RenderOptions = {}): string =>
  WRITERS[format](transcript, options);
