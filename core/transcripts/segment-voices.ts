/** Speakers in results of older workers, which have one vector per segment, of a model that the user provides. */
import type { Voice } from '../contracts/speakers.ts';

/** Cosine similarity above which two voices are the same; a usual value for the published speaker models. */
const SAME_VOICE = 0.5;

/** A direction in the space of voices: the sum of unit vectors. */
type Vector = Float64Array;

/** Unit vector of an embedding. */
export function unit(voice: string): Vector {
  const values = Float64Array.from(Buffer.from(voice, 'base64'), (byte) => (byte << 24) >> 24);
  const length = Math.hypot(...values) || 1;
  return values.map((value) => value / length);
}

export function cosine(a: Vector, b: Vector): number {
  let dot = 0;
  for (const [i, value] of a.entries()) dot += value * (b[i] ?? 0);
  return dot / ((Math.hypot(...a) || 1) * (Math.hypot(...b) || 1));
}

/** A group of voices. */
interface Group {
  /** Sum of the voices' unit vectors. */
  readonly sum: Vector;
  /** Indices of its voices. */
  readonly members: number[];
}

const add = (to: Group, from: Group): void => {
  for (const [i, value] of from.sum.entries()) to.sum[i] = (to.sum[i] ?? 0) + value;
  to.members.push(...from.members);
};

/** The two most similar groups, if they are similar enough to be the same speaker. */
function nearest(groups: readonly Group[]): readonly [Group, Group] | undefined {
  let best = SAME_VOICE;
  let pair: readonly [Group, Group] | undefined;
  for (const [i, a] of groups.entries())
    for (const b of groups.slice(i + 1)) {
      const similarity = cosine(a.sum, b.sum);
      if (similarity > best) [best, pair] = [similarity, [a, b]];
    }
  return pair;
}

/** The speaker of each voice, from 0. Each voice joins the most similar group, or becomes a new one; then similar groups are merged. */
export function similarVoices(voices: readonly Voice[]): number[] {
  const groups: Group[] = [];
  for (const [index, { voice }] of voices.entries()) {
    const one: Group = { sum: unit(voice), members: [index] };
    const similarities = groups.map((group) => cosine(group.sum, one.sum));
    const highest = Math.max(...similarities, -1);
    const known = highest > SAME_VOICE ? groups[similarities.indexOf(highest)] : undefined;
    if (known === undefined) groups.push(one);
    else add(known, one);
  }
  for (let pair = nearest(groups); pair !== undefined; pair = nearest(groups)) {
    add(pair[0], pair[1]);
    groups.splice(groups.indexOf(pair[1]), 1);
  }
  const speakers = new Map(groups.flatMap(({ members }, speaker) => members.map((index) => [index, speaker])));
  return voices.map((_, index) => speakers.get(index) ?? 0);
}
