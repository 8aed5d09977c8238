/** Assigns speakers: segments with similar voices belong to one speaker, across all chunks of a session. */
import type { Segment } from '../contracts/transcript.ts';

/** Cosine similarity above which two voices are the same; a usual value for the published speaker models. */
const SAME_VOICE = 0.5;

interface Speaker {
  /** Sum of unit vectors. */
  readonly sum: Float64Array;
  segments: number[];
}

function unit(voice: string): Float64Array {
  const values = Float64Array.from(Buffer.from(voice, 'base64'), (byte) => (byte << 24) >> 24);
  const length = Math.hypot(...values) || 1;
  return values.map((value) => value / length);
}

function cosine(a: Float64Array, b: Float64Array): number {
  let dot = 0;
  for (const [i, value] of a.entries()) dot += value * (b[i] ?? 0);
  return dot / ((Math.hypot(...a) || 1) * (Math.hypot(...b) || 1));
}

const add = (to: Speaker, from: Speaker): void => {
  for (const [i, value] of from.sum.entries()) to.sum[i] = (to.sum[i] ?? 0) + value;
  to.segments.push(...from.segments);
};

/** The two most similar speakers, if they are similar enough to be the same. */
function nearest(speakers: readonly Speaker[]): readonly [Speaker, Speaker] | undefined {
  let best = SAME_VOICE;
  let pair: readonly [Speaker, Speaker] | undefined;
  for (const [i, a] of speakers.entries())
    for (const b of speakers.slice(i + 1)) {
      const similarity = cosine(a.sum, b.sum);
      if (similarity > best) [best, pair] = [similarity, [a, b]];
    }
  return pair;
}

/**
 * Replaces the voice vectors of segments by speakers. Each segment joins the most similar speaker, by the mean of that speaker's
 * voices, or becomes a new one. Then similar speakers are merged. A segment without a voice gets the speaker of the previous one.
 */
export function withSpeakers(segments: readonly Segment[]): Segment[] {
  if (segments.every(({ voice }) => voice === undefined)) return [...segments];
  const speakers: Speaker[] = [];
  for (const [index, { voice }] of segments.entries()) {
    if (voice === undefined) continue;
    const one: Speaker = { sum: unit(voice), segments: [index] };
    const similarities = speakers.map((speaker) => cosine(speaker.sum, one.sum));
    const highest = Math.max(...similarities, -1);
    const known = highest > SAME_VOICE ? speakers[similarities.indexOf(highest)] : undefined;
    if (known === undefined) speakers.push(one);
    else add(known, one);
  }
  for (let pair = nearest(speakers); pair !== undefined; pair = nearest(speakers)) {
    add(pair[0], pair[1]);
    speakers.splice(speakers.indexOf(pair[1]), 1);
  }
  const first = (speaker: Speaker): number => Math.min(...speaker.segments);
  const names = new Map<number, string>();
  for (const [i, speaker] of [...speakers].sort((a, b) => first(a) - first(b)).entries())
    for (const index of speaker.segments) names.set(index, `S${i + 1}`);
  let last = 'S1';
  return segments.map(({ voice: _voice, ...segment }, index) => {
    last = names.get(index) ?? last;
    return { ...segment, speaker: last };
  });
}
