/** Text of speaker turns, cut out of a transcript by the times of its words. */
import type { Transcript } from '../contracts/transcript.ts';
import { DomainError } from '../errors.ts';

export interface SpeakerSegment {
  readonly speaker: string;
  readonly start: number;
  readonly end: number;
}

export interface Turn extends SpeakerSegment {
  readonly text: string;
}

/**
 * Turns that the worker found out by itself.
 * @throws DomainError `invalid` when nobody asked for speakers as the session began
 */
export function foundTurns({ segments }: Pick<Transcript, 'segments'>): Turn[] {
  if (segments.length > 0 && segments.every(({ speaker }) => speaker === undefined))
    throw new DomainError('invalid', 'nobody was listened to for speakers: create the session with diarize, or send segments');
  const turns: Turn[] = [];
  for (const { speaker = '', start, end, text } of segments) turns.push({ speaker, start, end, text });
  return joinedTurns(turns);
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
  return joinedTurns(ordered.map((segment, i) => ({ ...segment, text: (texts[i] ?? '').trim() })));
}

/** Neighbours of one speaker become one turn. */
function joinedTurns(parts: readonly Turn[]): Turn[] {
  const turns: Turn[] = [];
  for (const part of parts) {
    const last = turns.at(-1);
    if (last?.speaker !== part.speaker) turns.push(part);
    else
      turns[turns.length - 1] = {
        ...last,
        end: Math.max(last.end, part.end),
        text: [last.text, part.text].filter(Boolean).join(' '),
      };
  }
  return turns;
}
