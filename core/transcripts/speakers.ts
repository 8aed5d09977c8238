/** Text of speaker turns, cut out of a transcript by the times of its words. */
import type { Transcript } from '../contracts/transcript.ts';

export interface SpeakerSegment {
  readonly speaker: string;
  readonly start: number;
  readonly end: number;
}

export interface Turn extends SpeakerSegment {
  readonly text: string;
}

/**
 * Segments in order of time, neighbours of one speaker joined; each word goes to the segment that holds its middle, the one
 * that began last where several do (who interrupts is heard), so no word is said twice. Words outside all segments are nobody's.
 */
export function turnsOf({ segments }: Pick<Transcript, 'segments'>, diarized: readonly SpeakerSegment[]): Turn[] {
  const ordered = [...diarized].sort((a, b) => a.start - b.start || a.end - b.end);
  const texts: string[] = ordered.map(() => '');
  const words = segments.flatMap((segment) => segment.words).map((word) => ({ ...word, middle: (word.start + word.end) / 2 }));
  words.sort((a, b) => a.middle - b.middle);
  let begun = 0;
  const open: number[] = [];
  for (const { word, middle } of words) {
    for (let next = ordered[begun]; next !== undefined && next.start <= middle; next = ordered[begun]) open.push(begun++);
    for (let i = open.length - 1; i >= 0; i--) {
      const index = open[i] ?? 0;
      if ((ordered[index]?.end ?? 0) > middle) {
        texts[index] += word;
        break;
      }
      open.splice(i, 1); // over, and words come in order of time
    }
  }
  const turns: Turn[] = [];
  for (const [i, segment] of ordered.entries()) {
    const text = (texts[i] ?? '').trim();
    const last = turns.at(-1);
    if (last?.speaker === segment.speaker)
      turns[turns.length - 1] = {
        ...last,
        end: Math.max(last.end, segment.end),
        text: [last.text, text].filter(Boolean).join(' '),
      };
    else turns.push({ ...segment, text });
  }
  return turns;
}
