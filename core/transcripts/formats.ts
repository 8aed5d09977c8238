/**
 * Renders transcripts as plain text and subtitles. gpu_worker/service/http/formats.py does the same without marks, because its
 * transcripts have no gaps; both pass test/fixtures/formats.
 */
import type { Format } from '../contracts/formats.ts';
import { MAX_INLINE_JSON_BYTES } from '../contracts/limits.ts';
import type { Transcript } from '../contracts/transcript.ts';
import { type Cue, cuesOf } from './cues.ts';
import { type Mark, marksOf, mostlyMissing } from './marks.ts';
import { joinTexts } from './spacing.ts';

type Timed = Pick<Transcript, 'text' | 'segments' | 'gaps' | 'coverage' | 'duration_seconds'>;

const digits = (value: number, width: number): string => String(value).padStart(width, '0');

/** `HH:MM:SS`, `separator` and milliseconds. Hours may have more than two digits. */
export function timestamp(seconds: number, separator: ',' | '.'): string {
  const ms = Math.max(0, Math.round(seconds * 1000));
  const [h, m, s] = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60, Math.floor(ms / 1000) % 60];
  return `${digits(h, 2)}:${digits(m, 2)}:${digits(s, 2)}${separator}${digits(ms % 1000, 3)}`;
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** How long the cue stays that says first that most is missing. */
const FIRST_SECONDS = 3;

/** Marks of what is missing, if they are wanted. */
function marksOn(transcript: Timed, isWanted: boolean): Mark[] {
  if (!isWanted) return [];
  const first = mostlyMissing(transcript);
  return [...(first === undefined ? [] : [{ start: 0, end: FIRST_SECONDS, text: first }]), ...marksOf(transcript)];
}

/** The text by speaker, with marks between. */
function paragraphsOf({ segments }: Timed, marks: readonly Mark[]): string {
  const paragraphs: { readonly speaker?: string | undefined; readonly isMark: boolean; readonly texts: string[] }[] = [];
  const spoken = segments.map(({ start, text, speaker }) => ({ start, text, speaker, isMark: false }));
  const marked = marks.map(({ start, text }) => ({ start, text, speaker: undefined, isMark: true }));
  for (const { text, speaker, isMark } of [...marked, ...spoken].sort((a, b) => a.start - b.start)) {
    const last = paragraphs.at(-1);
    if (last !== undefined && !isMark && !last.isMark && last.speaker === speaker) last.texts.push(text);
    else if (text !== '') paragraphs.push({ speaker, isMark, texts: [text] });
  }
  return paragraphs.map(({ speaker, texts }) => `${speaker === undefined ? '' : `${speaker}: `}${joinTexts(texts)}`).join('\n\n');
}

function toTxt(transcript: Timed, marks: boolean): string {
  const marked = marksOn(transcript, marks);
  const isPlain = marked.length === 0 && transcript.segments.every(({ speaker }) => speaker === undefined);
  const text = isPlain ? transcript.text : paragraphsOf(transcript, marked);
  return text === '' ? '' : `${text}\n`;
}

/** Cues and marks in order of time. Some players reject a cue that ends where it starts. */
function subtitles(transcript: Timed, marks: boolean, namesSpeakers: boolean): Cue[] {
  const marked = marksOn(transcript, marks).map(({ start, end, text }): Cue => ({ start, end, lines: [text] }));
  return [...marked, ...cuesOf(transcript.segments, namesSpeakers)]
    .sort((a, b) => a.start - b.start)
    .map((cue) => ({ ...cue, end: Math.max(cue.end, cue.start + 0.001) }));
}

const toSrt = (transcript: Timed, marks: boolean): string =>
  subtitles(transcript, marks, true)
    .map(({ start, end, lines }, i) => `${i + 1}\n${timestamp(start, ',')} --> ${timestamp(end, ',')}\n${lines.join('\n')}\n`)
    .join('\n');

const voiced = ({ lines, speaker }: Cue): string =>
  `${speaker === undefined ? '' : `<v ${escaped(speaker)}>`}${escaped(lines.join('\n'))}`;

const toVtt = (transcript: Timed, marks: boolean): string =>
  [
    'WEBVTT\n',
    ...subtitles(transcript, marks, false).map(
      (cue) => `${timestamp(cue.start, '.')} --> ${timestamp(cue.end, '.')}\n${voiced(cue)}\n`,
    ),
  ].join('\n');

const WRITERS: Readonly<Record<Format, (transcript: Timed, marks: boolean) => string>> = {
  json: (transcript) => JSON.stringify(transcript),
  txt: toTxt,
  srt: toSrt,
  vtt: toVtt,
};

/** The transcript in this format. `marks`: say what is missing. JSON lists it in `gaps` and `coverage` instead. */
export const render = (transcript: Timed, format: Format, marks = true): string => WRITERS[format](transcript, marks);

/** Whether this JSON, or the text in it, is small enough for a response. */
export const fitsResponse = (text: string): boolean => Buffer.byteLength(text) <= MAX_INLINE_JSON_BYTES;
