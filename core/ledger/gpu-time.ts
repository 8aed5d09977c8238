/**
 * What the GPU costs: from the times that EC2 says its machines ran, not from what any run believes of itself. So a crash
 * loses no cost, and two runs on one machine are paid once.
 */
import type { GpuIntervalRow, UsageRow } from '../contracts/rows.ts';
import type { Machine } from '../fleet/ports.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Day of a time, UTC. */
export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
/** Partitions of the ledger's day index. */
export const gpuDay = (day: string): string => `gpu#${day}`;
export const usageDay = (day: string): string => `use#${day}`;

/** The row's key of the machine's last launch. */
export const intervalId = (machine: Machine): string => `gpu#${machine.instanceId}#${machine.launchedAtMs}`;

/** What one look at a machine adds to the ledger; undefined when it is known already. */
export function observe(machine: Machine, known: GpuIntervalRow | undefined, nowMs: number): GpuIntervalRow | undefined {
  if (machine.launchedAtMs === 0 || known?.stopped_at_ms !== undefined) return undefined;
  const isOver = machine.state === 'stopped' || machine.state === 'gone';
  // A launch that nobody saw, whose end EC2 does not tell, has no length that could be known.
  if (isOver && known === undefined && machine.stoppedAtMs === undefined) return undefined;
  const stopped = isOver ? Math.max(machine.stoppedAtMs ?? nowMs, machine.launchedAtMs) : undefined;
  return {
    usage_id: intervalId(machine),
    day: gpuDay(dayOf(machine.launchedAtMs)),
    at_ms: machine.launchedAtMs,
    instance_id: machine.instanceId,
    instance_type: machine.instanceType ?? 'unknown',
    seen_at_ms: stopped ?? nowMs,
    ...(stopped !== undefined && { stopped_at_ms: stopped }),
  };
}

export interface Interval {
  readonly instanceId: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** Running times of each machine as a union, cut to `[fromMs, toMs)`; a machine that still runs has run until `toMs`. */
export function runningTimes(rows: readonly GpuIntervalRow[], fromMs: number, toMs: number): Interval[] {
  const cut = rows
    .map((row) => ({
      instanceId: row.instance_id,
      startMs: Math.max(row.at_ms, fromMs),
      endMs: Math.min(row.stopped_at_ms ?? toMs, toMs),
    }))
    .filter(({ startMs, endMs }) => endMs > startMs)
    .sort((a, b) => a.instanceId.localeCompare(b.instanceId) || a.startMs - b.startMs);
  const union: Interval[] = [];
  for (const interval of cut) {
    const last = union.at(-1);
    if (last?.instanceId === interval.instanceId && interval.startMs <= last.endMs)
      union[union.length - 1] = { ...last, endMs: Math.max(last.endMs, interval.endMs) };
    else union.push(interval);
  }
  return union;
}

export const secondsOf = (intervals: readonly Interval[]): number =>
  intervals.reduce((sum, { startMs, endMs }) => sum + (endMs - startMs) / 1000, 0);

export const costUsd = (seconds: number, usdPerHour: number): number => (seconds * 1000 * usdPerHour) / HOUR_MS;

/**
 * Seconds of the machines' running times that each session has to bear: a running time is shared by what was transcribed in
 * it, by seconds of audio. A time in which nothing was transcribed is nobody's (key `''`): the shares always sum up to the whole.
 */
export function splitBySession(intervals: readonly Interval[], usages: readonly UsageRow[]): ReadonlyMap<string, number> {
  const shares = new Map<string, number>();
  const add = (session: string, seconds: number): void => void shares.set(session, (shares.get(session) ?? 0) + seconds);
  for (const interval of intervals) {
    const inside = usages.filter(
      (use) => use.instance_id === interval.instanceId && use.at_ms >= interval.startMs && use.at_ms < interval.endMs,
    );
    const audio = inside.reduce((sum, use) => sum + use.audio_seconds, 0);
    if (audio === 0) add('', secondsOf([interval]));
    else for (const use of inside) add(use.session_id, (secondsOf([interval]) * use.audio_seconds) / audio);
  }
  return shares;
}

/** First and last moment of the day of a time, UTC. */
export const dayBounds = (ms: number): { readonly fromMs: number; readonly toMs: number } => {
  const fromMs = Math.floor(ms / DAY_MS) * DAY_MS;
  return { fromMs, toMs: fromMs + DAY_MS };
};
