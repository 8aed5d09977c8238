/**
 * Which voices belong to one speaker. gpu-worker/src/gpu_worker/speech/speakers/clustering.py has the same function and explains
 * it; test/fixtures/speakers has examples for both.
 */

import type { Voice } from '../contracts/speakers.ts';

/** Numbers of speakers that the user knows. */
export interface SpeakerLimits {
  readonly least?: number | undefined;
  readonly most?: number | undefined;
}

const SATURATION_SECONDS = 26;
const COST = 1.4;
const ALIKE = 0.3;
const BLOCK = 128;
const SPEAKER_SECONDS = 2.5;
const SPEAKER_SHARE = 0.1;
const RARE_SHARE = 0.015;
const RARE_ALIKE = 0.88;
const MIXTURE = 0.92;

interface Unit {
  readonly vector: Float64Array;
  readonly seconds: number;
}

type Group = readonly number[];

const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
};

const scaled = (vector: Float64Array): Float64Array => {
  const length = Math.sqrt(dot(vector, vector)) || 1;
  return vector.map((value) => value / length);
};

const unitOf = ({ voice, seconds }: Voice): Unit => ({
  vector: scaled(Float64Array.from(Buffer.from(voice, 'base64'), (byte) => (byte << 24) >> 24)),
  seconds,
});

const secondsOf = (units: readonly Unit[], group: Group): number =>
  group.reduce((sum, index) => sum + (units[index]?.seconds ?? 0), 0);

/** The mean of a group, with length 1. */
function meanOf(units: readonly Unit[], group: Group): Float64Array {
  const sum = new Float64Array(units[0]?.vector.length ?? 0);
  for (const index of group) {
    const { vector, seconds } = units[index] as Unit;
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (vector[i] as number) * seconds;
  }
  return scaled(sum);
}

const weightOf = (seconds: number): number => seconds / (1 + seconds / SATURATION_SECONDS);

/** Squared distances of all pairs, row by row. */
function distancesOf(units: readonly Unit[]): Float64Array {
  const distances = new Float64Array(units.length ** 2);
  for (const [i, { vector }] of units.entries())
    for (const [j, other] of units.slice(0, i).entries()) {
      const distance = Math.max(2 - 2 * dot(vector, other.vector), 0);
      distances[i * units.length + j] = distance;
      distances[j * units.length + i] = distance;
    }
  return distances;
}

/** The cheapest pair of `left` and its cost. */
function cheapest(left: readonly number[], distances: Float64Array, weights: Float64Array): [number, number, number] {
  let best: [number, number, number] = [0, 0, Number.POSITIVE_INFINITY];
  for (const [at, i] of left.entries())
    for (let next = at + 1; next < left.length; next++) {
      const j = left[next] as number;
      const [one, other] = [weights[i] as number, weights[j] as number];
      const cost = ((distances[i * weights.length + j] as number) * (one * other)) / (one + other);
      if (cost < best[2]) best = [i, j, cost];
    }
  return best;
}

/** Groups of voices, the cheapest merges first. Pairs that cost more than `cost` stay apart, unless there are more than `most`. */
function merged(units: readonly Unit[], cost: number, least: number, most = Number.POSITIVE_INFINITY): Group[] {
  const count = units.length;
  const seconds = units.map((unit) => unit.seconds);
  const weights = Float64Array.from(seconds, weightOf);
  const distances = distancesOf(units);
  const groups = new Map<number, number[]>(units.map((_, index) => [index, [index]]));
  while (groups.size > Math.max(least, 1)) {
    const left = [...groups.keys()];
    const [a, b, lowest] = cheapest(left, distances, weights);
    if (lowest > cost && groups.size <= most) break;
    const [one, other] = [seconds[a] as number, seconds[b] as number];
    const share = one / (one + other);
    const apart = share * (1 - share) * (distances[a * count + b] as number);
    for (const k of left) {
      const between = share * (distances[a * count + k] as number) + (1 - share) * (distances[b * count + k] as number) - apart;
      distances[a * count + k] = Math.max(between, 0);
      distances[k * count + a] = Math.max(between, 0);
    }
    seconds[a] = one + other;
    weights[a] = weightOf(one + other);
    groups.set(a, [...(groups.get(a) ?? []), ...(groups.get(b) ?? [])]);
    groups.delete(b);
  }
  return [...groups.values()];
}

function combined(groups: readonly Group[], units: readonly Unit[], cost: number, least = 1, most?: number): Group[] {
  const means = groups.map((group) => ({ vector: meanOf(units, group), seconds: secondsOf(units, group) }));
  return merged(means, cost, least, most).map((joined) => joined.flatMap((member) => groups[member] ?? []));
}

/** Groups of very similar voices, at most BLOCK. */
function thinned(units: readonly Unit[]): Group[] {
  let groups: Group[] = units.map((_, index) => [index]);
  for (let cost = COST * ALIKE; groups.length > BLOCK; ) {
    const thinner: Group[] = [];
    for (let at = 0; at < groups.length; at += BLOCK) thinner.push(...combined(groups.slice(at, at + BLOCK), units, cost));
    if (thinner.length > Math.floor((groups.length * 3) / 4)) cost *= 2;
    groups = thinner;
  }
  return groups;
}

/** Whether a mean is that of two of the others at the same time. */
function isMixture(mean: Float64Array, others: readonly Float64Array[]): boolean {
  return others.some((a, index) =>
    others.slice(0, index).some((b) => dot(scaled(a.map((value, i) => value + (b[i] as number))), mean) > MIXTURE),
  );
}

/** The groups that are persons: not too short, and no part or mixture of others that speak more. At least `least`. */
function persons(groups: readonly Group[], units: readonly Unit[], least: number): Group[] {
  const total = units.reduce((sum, { seconds }) => sum + seconds, 0);
  const shortest = Math.min(SPEAKER_SECONDS, total * SPEAKER_SHARE);
  const left = groups
    .map((group) => ({ group, mean: meanOf(units, group), seconds: secondsOf(units, group) }))
    .sort((a, b) => a.seconds - b.seconds || Math.min(...b.group) - Math.min(...a.group));
  for (const one of [...left]) {
    if (left.length <= least) break;
    const at = left.indexOf(one);
    const longer = left.slice(at + 1).map(({ mean }) => mean);
    const isRare = one.seconds < total * RARE_SHARE && longer.some((mean) => dot(mean, one.mean) > RARE_ALIKE);
    if (one.seconds < shortest || isRare || isMixture(one.mean, longer)) left.splice(at, 1);
  }
  return left.map(({ group }) => group);
}

/** The group of each voice of one model, in any order of groups. */
function ofOneModel(voices: readonly Voice[], { least = 1, most }: SpeakerLimits): number[] {
  const order = voices
    .map((voice, index) => ({ ...voice, index }))
    .sort((a, b) => b.seconds - a.seconds || (a.voice < b.voice ? -1 : a.voice > b.voice ? 1 : 0));
  const units = order.map(unitOf);
  const groups = combined(thinned(units), units, COST, least);
  const kept = combined(persons(groups, units, Math.max(least, 1)), units, 0, 1, most);
  kept.sort((a, b) => Math.min(...a) - Math.min(...b));
  const speakers = new Map(kept.flatMap((group, speaker) => group.map((index) => [index, speaker])));
  const means = kept.map((group) => meanOf(units, group));
  const label = new Map<number, number>();
  for (const [at, { index }] of order.entries()) {
    const similarities = means.map((mean) => dot(mean, (units[at] as Unit).vector));
    label.set(index, speakers.get(at) ?? similarities.indexOf(Math.max(...similarities)));
  }
  return voices.map((_, index) => label.get(index) ?? 0);
}

/** The speaker of each voice, from 0, in the order of their first voices. The groups do not depend on the order of the voices. */
export function speakersOf(voices: readonly Voice[], limits: SpeakerLimits = {}): number[] {
  // Voices of two models cannot be compared.
  const byLength = Map.groupBy(voices.keys(), (index) => voices[index]?.voice.length);
  const labels = new Map<number, string>();
  for (const [length, indices] of byLength) {
    const own = ofOneModel(
      indices.map((index) => voices[index] as Voice),
      limits,
    );
    for (const [at, index] of indices.entries()) labels.set(index, `${length} ${own[at]}`);
  }
  const numbers = new Map<string, number>();
  return voices.map((_, index) => {
    const label = labels.get(index) ?? '';
    if (!numbers.has(label)) numbers.set(label, numbers.size);
    return numbers.get(label) ?? 0;
  });
}

/** The mean of voices, with their seconds. */
export function meanVoice(voices: readonly Voice[]): Voice {
  const units = voices.map(unitOf);
  const every = units.map((_, index) => index);
  const mean = meanOf(units, every);
  const largest = mean.reduce((max, value) => Math.max(max, Math.abs(value)), 0) || 1;
  const bytes = Int8Array.from(mean, (value) => Math.round((127 * value) / largest));
  return { voice: Buffer.from(bytes.buffer).toString('base64'), seconds: secondsOf(units, every) };
}

/** How similar two voices are: the cost at which they would be merged, and whether it is low enough for one speaker. */
export function likeness(a: Voice, b: Voice): { readonly cost: number; readonly isSame: boolean } {
  if (a.voice.length !== b.voice.length) return { cost: Number.POSITIVE_INFINITY, isSame: false }; // of two models
  const [one, other] = [unitOf(a), unitOf(b)];
  const [wa, wb] = [weightOf(one.seconds), weightOf(other.seconds)];
  const cost = (Math.max(0, 2 - 2 * dot(one.vector, other.vector)) * (wa * wb)) / (wa + wb || 1);
  return { cost, isSame: cost <= COST };
}
