/** Text by speaker turns. */
import type { Transcript } from '../contracts/transcript.ts';
import { DomainError } from '../errors.ts';
import { joinTexts } from './spacing.ts';
import { joinedWords, type ShownWord, shownText } from './timed-words.ts';

export interface SpeakerSegment {
  readonly speaker: string;
  readonly start: number;
  readonly end: number;
}

export interface Turn extends SpeakerSegment {
  readonly text: string;
}

/**
 * Turns of the speakers that the worker detected.
 * @throws DomainError `invalid` if the session was not created with `diarize`
 */
export function detectedTurns({ segments }: Pick<Transcript, 'segments'>): Turn[] {
  if (segments.length > 0 && segments.every(({ speaker }) => speaker === undefined))
    throw new DomainError(
      'invalid',
      'this session has no detected speakers: create it with diarize or separate channels, or send segments',
    );
  const turns: Turn[] = [];
  for (const { speaker = '', start, end, text } of segments) turns.push({ speaker, start, end, text });
  return joinedTurns(turns);
}

/** Turns of these speaker segments; without any, of the speakers that the worker detected. @throws as `detectedTurns` */
export const speakerTurns = (
  transcript: Pick<Transcript, 'segments'>,
  segments: readonly SpeakerSegment[] | undefined,
): Turn[] => (segments === undefined ? detectedTurns(transcript) : turnsOf(transcript, segments));

/**
 * Turns of given speaker segments, in order of time. A word belongs to the segment that contains its middle; if several do, to
 * the one that began last, because that speaker interrupts. Words outside all segments are omitted.
 */
function turnsOf({ segments }: Pick<Transcript, 'segments'>, diarized: readonly SpeakerSegment[]): Turn[] {
  const ordered = [...diarized].sort((a, b) => a.start - b.start || a.end - b.end);
  const spoken = ordered.map((): ShownWord[] => []);
  const words = joinedWords(segments).map((word) => ({ word, middle: (word.start + word.end) / 2 }));
  words.sort((a, b) => a.middle - b.middle);
  let begun = 0;
  const open: number[] = [];
  for (const { word, middle } of words) {
    for (let next = ordered[begun]; next !== undefined && next.start <= middle; next = ordered[begun]) open.push(begun++);
    for (let i = open.length - 1; i >= 0; i--) {
      const index = open[i] ?? 0;
      if ((ordered[index]?.end ?? 0) > middle) {
        spoken[index]?.push(word);
        break;
      }
      open.splice(i, 1); // has ended before this word, and so before all later ones
    }
  }
  return joinedTurns(ordered.map((segment, i) => ({ ...segment, text: shownText(spoken[i] ?? []) })));
}

/** Joins adjacent turns of the same speaker. */
function joinedTurns(parts: readonly Turn[]): Turn[] {
  const turns: Turn[] = [];
  for (const part of parts) {
    const last = turns.at(-1);
    if (last?.speaker !== part.speaker) turns.push(part);
    else
      turns[turns.length - 1] = {
        ...last,
        end: Math.max(last.end, part.end),
        text: joinTexts([last.text, part.text]),
      };
  }
  return turns;
}
