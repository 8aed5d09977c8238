/**
 * GPU cost, computed from the running times that EC2 reports, not from what runs record. So a crash loses no cost, and a machine
 * that two runs share is counted once.
 */
import type { GpuIntervalRow, UsageRow } from '../contracts/rows.ts';
import type { Machine } from '../fleet/ports.ts';
import { HOUR_MS, utcDay } from '../time.ts';

/** Partition keys of the ledger's day index. */
export const gpuDay = (day: string): string => `gpu#${day}`;
export const usageDay = (day: string): string => `use#${day}`;

export const sumMonth = (month: string): string => `sum#${month}`;

/** Ledger key of a machine's last launch. */
export const intervalId = (machine: Machine): string => `gpu#${machine.instanceId}#${machine.launchedAtMs}`;

/** The row that an observation of a machine adds or updates; undefined if there is nothing to write. */
export function observe(machine: Machine, known: GpuIntervalRow | undefined, nowMs: number): GpuIntervalRow | undefined {
  if (machine.launchedAtMs === 0 || known?.stopped_at_ms !== undefined) return undefined;
  const isOver = machine.state === 'stopped' || machine.state === 'gone';
  // A launch that was never observed, and whose end EC2 does not report, has no known length.
  if (isOver && known === undefined && machine.stoppedAtMs === undefined) return undefined;
  const stopped = isOver ? Math.max(machine.stoppedAtMs ?? nowMs, machine.launchedAtMs) : undefined;
  return {
    usage_id: intervalId(machine),
    day: gpuDay(utcDay(machine.launchedAtMs)),
    at_ms: machine.launchedAtMs,
    instance_id: machine.instanceId,
    instance_type: machine.instanceType ?? 'unknown',
    seen_at_ms: stopped ?? nowMs,
    ...(stopped !== undefined && { stopped_at_ms: stopped }),
  };
}

/** A running time of one machine; `endMs` is exclusive. */
export interface Interval {
  readonly instanceId: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** Running times of each machine: overlaps merged, cut to `[fromMs, toMs)`. A running machine counts until `toMs`. */
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
 * Seconds of the machines' running times that each session has used. A running time is divided among the chunks transcribed in
 * it, by their seconds of audio. If there were none, it has the key `''`, so that the shares add up to the total.
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
