/** Groups voices into speakers: similar voices belong to one speaker, across all chunks of a session. */
import type { Voice } from '../contracts/speakers.ts';

/** Cosine similarity above which two voices are the same; a usual value for the published speaker models. */
export const SAME_VOICE = 0.5;

/** A direction in the space of voices: the sum of unit vectors. */
type Vector = Float64Array;

/** Unit vector of an embedding. */
export function unit(voice: string): Vector {
  const values = Float64Array.from(Buffer.from(voice, 'base64'), (byte) => (byte << 24) >> 24);
  const length = Math.hypot(...values) || 1;
  return values.map((value) => value / length);
}

/** The same direction as an embedding. */
export function voiceOf(vector: Vector): string {
  const largest = vector.reduce((max, value) => Math.max(max, Math.abs(value)), 0) || 1;
  return Buffer.from(Int8Array.from(vector, (value) => Math.round((127 * value) / largest)).buffer).toString('base64');
}

export function cosine(a: Vector, b: Vector): number {
  let dot = 0;
  for (const [i, value] of a.entries()) dot += value * (b[i] ?? 0);
  return dot / ((Math.hypot(...a) || 1) * (Math.hypot(...b) || 1));
}

/** A group of voices. */
export interface Group {
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

/** Groups voices by speaker. Each voice joins the most similar group, or becomes a new one; then similar groups are merged. */
export function groupsOf(voices: readonly Voice[]): Group[] {
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
  return groups;
}
