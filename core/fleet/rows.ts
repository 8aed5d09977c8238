import type { InstanceRow, PoolRow } from '../contracts/rows.ts';

/** Initial values of rows that have not been written yet. */
export const emptyPool = (): PoolRow => ({
  id: 'pool',
  version: 0,
  wanted_seq: 0,
  epoch: 0,
  failed_runs: 0,
  next_start_at_ms: 0,
});

export const emptyInstance = (id: string): InstanceRow => ({
  id,
  version: 0,
  state: 'idle',
  fence: 0,
  holders: {},
  started_by_us: false,
  ready_once: false,
});

/** Holders whose deadline has not passed. */
export const liveHolders = (row: InstanceRow, nowMs: number): string[] =>
  Object.entries(row.holders)
    .filter(([, deadlineMs]) => deadlineMs > nowMs)
    .map(([holder]) => holder);

/** A copy of the record without this key. */
export function without<T>(record: Readonly<Record<string, T>>, key: string): Record<string, T> {
  const { [key]: _gone, ...rest } = record;
  return rest;
}
