/** Gives each word of a joined text its speaker, and each segment one: a segment ends where the speaker changes. */
import type { Interval } from '../contracts/intervals.ts';
import { NO_SPEAKER_CHANGES, type SpeakerChanges, type Voice } from '../contracts/speakers.ts';
import type { Segment } from '../contracts/transcript.ts';
import { meanVoice, type SpeakerLimits, speakersOf } from './clustering.ts';
import { type Detected, labelsOf } from './people.ts';
import { similarVoices } from './segment-voices.ts';
import { textOf } from './spacing.ts';

type Word = Segment['words'][number];

/** More voices than a chunk can have. */
const KEYS_PER_CHUNK = 1000;
/** Identifies a voice of a chunk among those of a session. */
export const voiceKey = (chunkNumber: number, index: number): number => KEYS_PER_CHUNK * chunkNumber + index;

/** The voices of the chunks of a text, by their keys. */
export type Voices = ReadonlyMap<number, Voice>;

/** What has a voice: a word, by the key of its voice, or a segment of an older result. */
type Source = number | Segment;
const sourceOf = (segment: Segment, { speaker }: Word): Source => speaker ?? segment;

/** The sources of a text with their voices, and the speaker of each, from 0. */
function grouped(segments: readonly Segment[], voices: Voices, limits: SpeakerLimits) {
  const ofSegments = segments.flatMap((segment) =>
    segment.voice === undefined ? [] : [[segment, { voice: segment.voice, seconds: segment.end - segment.start }] as const],
  );
  const sources: (readonly [Source, Voice])[] = [...voices, ...ofSegments];
  const speakers = speakersOf([...voices.values()], limits);
  // Voices of two models cannot be compared.
  const first = Math.max(-1, ...speakers) + 1;
  return { sources, speakers: [...speakers, ...similarVoices(ofSegments.map(([, voice]) => voice)).map((n) => first + n)] };
}

/** The label of each source, and the speakers in order of their first words. */
function detect(segments: readonly Segment[], voices: Voices, limits: SpeakerLimits) {
  const { sources, speakers } = grouped(segments, voices, limits);
  const speakerOf = new Map(sources.map(([source], index) => [source, speakers[index]]));
  const labels = new Map<number | undefined, string>();
  for (const segment of segments)
    for (const source of segment.words.length === 0 ? [segment] : segment.words.map((word) => sourceOf(segment, word))) {
      const speaker = speakerOf.get(source);
      if (speaker !== undefined && !labels.has(speaker)) labels.set(speaker, `S${labels.size + 1}`);
    }
  const detected = [...labels].map(([speaker, label]): Detected => {
    const own = sources.flatMap(([, voice], index) => (speakers[index] === speaker ? [voice] : []));
    const [model, ...others] = new Set(own.map((voice) => voice.model));
    return { label, voice: { ...meanVoice(own), ...(model !== undefined && others.length === 0 && { model }) } };
  });
  return { labelOf: (source: Source): string | undefined => labels.get(speakerOf.get(source)), detected };
}

const channelsOf = (segments: readonly Segment[]): number[] =>
  [...new Set(segments.flatMap(({ channel }) => channel ?? []))].sort((a, b) => a - b);
const channelLabel = (channel: number): string => `S${channel}`;

/** The speakers of a text: its channels if they are separate, otherwise groups of similar voices. */
export function detectedIn(segments: readonly Segment[], voices: Voices, limits: SpeakerLimits = {}): readonly Detected[] {
  const channels = channelsOf(segments);
  if (channels.length > 0) return channels.map((channel) => ({ label: channelLabel(channel), channel }));
  return detect(segments, voices, limits).detected;
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

/** The label of a word or segment of a detected speaker, by its middle, as a user has changed the speakers. */
function labeller(detected: readonly Detected[], changes: SpeakerChanges) {
  const labels = labelsOf(detected, changes);
  return (label: string, middle: number): string => {
    const stretch = changes.stretches.find(({ start, end }) => middle >= start && middle < end);
    return (stretch && labels.people.get(stretch.person)) ?? labels.detected.get(label) ?? label;
  };
}

const middleOf = ({ start, end }: Interval): number => (start + end) / 2;

/**
 * Segments with their speakers, as a user has changed them. A word without a voice gets the speaker of the word before it.
 * Segments without voices and channels stay as they are.
 */
export function withSpeakers(
  segments: readonly Segment[],
  voices: Voices = new Map(),
  changes: SpeakerChanges = NO_SPEAKER_CHANGES,
  limits: SpeakerLimits = {},
): Segment[] {
  const isSeparate = segments.some(({ channel }) => channel !== undefined);
  const { labelOf, detected } = isSeparate
    ? { labelOf: () => undefined, detected: detectedIn(segments, voices) }
    : detect(segments, voices, limits);
  if (detected.length === 0) return segments.map((segment) => ({ ...segment }));
  const shown = labeller(detected, changes);
  let last = detected[0]?.label ?? '';
  const labelled = (segment: Segment, source: Source, middle: number): string => {
    last = segment.channel === undefined ? (labelOf(source) ?? last) : channelLabel(segment.channel);
    return shown(last, middle);
  };
  return segments.flatMap((segment) => {
    const { channel: _channel, voice: _voice, ...own } = segment;
    if (segment.words.length === 0) return [{ ...own, speaker: labelled(segment, segment, middleOf(segment)) }];
    const ofWords = segment.words.map((word) => labelled(segment, sourceOf(segment, word), middleOf(word)));
    return divided(own, ofWords);
  });
}

/** Segments that have the labels of detected speakers, with their speakers as a user has changed them. */
export function withChangedSpeakers(
  segments: readonly Segment[],
  detected: readonly Detected[],
  changes: SpeakerChanges,
): Segment[] {
  const shown = labeller(detected, changes);
  const changed = segments.flatMap((segment) => {
    const { speaker, words } = segment;
    if (speaker === undefined) return [segment];
    if (words.length === 0) return [{ ...segment, speaker: shown(speaker, middleOf(segment)) }];
    return divided(
      segment,
      words.map((word) => shown(speaker, middleOf(word))),
    );
  });
  return changed.map((segment, id) => ({ ...segment, id }));
}
