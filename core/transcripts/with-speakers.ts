/** Gives each word of a joined text its speaker, and each segment one: a segment ends where the speaker changes. */
import { NO_SPEAKER_CHANGES, type SpeakerChanges, type Voice } from '../contracts/speakers.ts';
import type { Segment } from '../contracts/transcript.ts';
import { type Detected, labelsOf } from './people.ts';
import { textOf } from './spacing.ts';
import { groupsOf } from './voices.ts';

type Word = Segment['words'][number];

/** More voices than a chunk can have. */
const KEYS_PER_CHUNK = 1000;
/** Identifies a voice of a chunk among those of a session. */
export const voiceKey = (chunkNumber: number, index: number): number => KEYS_PER_CHUNK * chunkNumber + index;

/** The voices of the chunks of a text, by their keys. */
export type Voices = ReadonlyMap<number, Voice>;

/** A segment's own voice, in results of older workers. */
interface Source {
  /** Key of the voice of a word, or the segment itself. */
  readonly of: number | Segment;
  readonly voice: Voice;
}

const sourceOf = (segment: Segment, { speaker }: Word): number | Segment => speaker ?? segment;

/** The label of each source, and the speakers in order of their first words. */
function detect(segments: readonly Segment[], voices: Voices) {
  const sources: Source[] = [
    ...[...voices].map(([of, voice]) => ({ of, voice })),
    ...segments.flatMap((of) => (of.voice === undefined ? [] : [{ of, voice: { voice: of.voice, seconds: of.end - of.start } }])),
  ];
  const groups = groupsOf(sources.map(({ voice }) => voice));
  const groupOf = new Map(groups.flatMap((group) => group.members.map((index) => [sources[index]?.of, group] as const)));
  const labels = new Map<(typeof groups)[number], string>();
  for (const segment of segments)
    for (const source of segment.words.length === 0 ? [segment] : segment.words.map((word) => sourceOf(segment, word))) {
      const group = groupOf.get(source);
      if (group !== undefined && !labels.has(group)) labels.set(group, `S${labels.size + 1}`);
    }
  const labelOf = (source: number | Segment): string | undefined => {
    const group = groupOf.get(source);
    return group && labels.get(group);
  };
  return { labelOf, detected: [...labels].map(([{ sum }, label]): Detected => ({ label, sum })) };
}

const channelsOf = (segments: readonly Segment[]): number[] =>
  [...new Set(segments.flatMap(({ channel }) => channel ?? []))].sort((a, b) => a - b);
const channelLabel = (channel: number): string => `S${channel}`;

/** The speakers of a text: its channels if they are separate, otherwise groups of similar voices. */
export function detectedIn(segments: readonly Segment[], voices: Voices): readonly Detected[] {
  const channels = channelsOf(segments);
  if (channels.length > 0) return channels.map((channel) => ({ label: channelLabel(channel), channel }));
  return detect(segments, voices).detected;
}

/** Divides a segment into runs of words with the same label. */
function divided(segment: Segment, labels: readonly string[]): Segment[] {
  const { words, speaker: _own, ...rest } = segment;
  const runs: { readonly speaker: string; readonly words: Word[] }[] = [];
  for (const [i, { speaker: _key, ...word }] of words.entries()) {
    const speaker = labels[i] ?? '';
    const last = runs.at(-1);
    if (last?.speaker === speaker) last.words.push(word);
    else runs.push({ speaker, words: [word] });
  }
  if (runs.length === 1) return runs.map((run) => ({ ...rest, ...run }));
  return runs.map((run, i) => ({
    ...rest,
    ...run,
    text: textOf(run.words),
    start: i === 0 ? rest.start : (run.words[0]?.start ?? rest.start),
    end: i === runs.length - 1 ? rest.end : (run.words.at(-1)?.end ?? rest.end),
  }));
}

/**
 * Segments with their speakers, as a user has changed them. A word without a voice gets the speaker of the word before it.
 * Segments without voices and channels stay as they are.
 */
export function withSpeakers(
  segments: readonly Segment[],
  voices: Voices = new Map(),
  changes: SpeakerChanges = NO_SPEAKER_CHANGES,
): Segment[] {
  const isSeparate = segments.some(({ channel }) => channel !== undefined);
  const { labelOf, detected } = isSeparate
    ? { labelOf: () => undefined, detected: detectedIn(segments, voices) }
    : detect(segments, voices);
  if (detected.length === 0) return segments.map((segment) => ({ ...segment }));
  const labels = labelsOf(detected, changes);
  let last = detected[0]?.label ?? '';
  const labelled = (segment: Segment, source: number | Segment, middle: number): string => {
    last = segment.channel === undefined ? (labelOf(source) ?? last) : channelLabel(segment.channel);
    const stretch = changes.stretches.find(({ start, end }) => middle >= start && middle < end);
    return (stretch && labels.people.get(stretch.person)) ?? labels.detected.get(last) ?? last;
  };
  return segments.flatMap((segment) => {
    const { channel: _channel, voice: _voice, ...own } = segment;
    if (segment.words.length === 0) return [{ ...own, speaker: labelled(segment, segment, (segment.start + segment.end) / 2) }];
    const ofWords = segment.words.map((word) => labelled(segment, sourceOf(segment, word), (word.start + word.end) / 2));
    return divided(own, ofWords);
  });
}
