/** Writes transcripts as plain text: paragraphs, with marks between them. gpu_worker/service/http/formats.py writes the same. */
import type { Segment, Transcript } from '../contracts/transcript.ts';
import type { Mark } from './marks.ts';
import { withBetween } from './paragraphs.ts';
import { joinTexts } from './spacing.ts';

const lettersOf = (text: string): number => text.replace(/\s+/g, '').length;

/** The first segment of each part of a file but the first one. In its text, a blank line separates the parts. */
function partStarts({ text, segments }: Pick<Transcript, 'text' | 'segments'>): Segment[] {
  const parts = text.split('\n\n').map(lettersOf);
  const starts: Segment[] = [];
  let at = 0;
  for (let left of parts.slice(0, -1)) {
    for (; left > 0 && at < segments.length; at++) left -= lettersOf(segments[at]?.text ?? '');
    starts.push(...segments.slice(at, at + 1));
  }
  return starts;
}

/** The paragraphs of the whole text, with the marks (in order of time) and an empty text before each part of a file. */
export function blocksOf(transcript: Pick<Transcript, 'text' | 'segments'>, marks: readonly Mark[]) {
  const parts = partStarts(transcript).map(({ start }) => ({ start, text: '' }));
  const between = [...parts, ...marks].sort((a, b) => a.start - b.start);
  const spoken = transcript.segments.filter(({ text }) => text !== '');
  return withBetween(spoken, between);
}

/** The whole text. `marks`: in order of time. */
export function toPlainText(transcript: Pick<Transcript, 'text' | 'segments'>, marks: readonly Mark[]): string {
  const paragraphs = blocksOf(transcript, marks).map((block) => {
    if ('other' in block) return block.other.text;
    const speaker = block.paragraph[0]?.speaker;
    return `${speaker === undefined ? '' : `${speaker}: `}${joinTexts(block.paragraph.map(({ text }) => text))}`;
  });
  return paragraphs
    .filter((text) => text !== '')
    .map((text) => `${text}\n`)
    .join('\n');
}
