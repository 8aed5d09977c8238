import type { DaySumRow, GpuIntervalRow, UsageRow } from '../contracts/rows.ts';

/** Rows of the ledger. */
export interface LedgerStore {
  interval(usageId: string): Promise<GpuIntervalRow | undefined>;
  putInterval(row: GpuIntervalRow): Promise<void>;
  /** Launches of one day (YYYY-MM-DD, UTC). */
  intervalsOf(day: string): Promise<GpuIntervalRow[]>;
  /** Chunks committed on one day (YYYY-MM-DD, UTC). */
  usagesOf(day: string): Promise<UsageRow[]>;
  /** Stored sums of the days of a month (YYYY-MM). */
  sumsOf(month: string): Promise<DaySumRow[]>;
  putSum(row: DaySumRow): Promise<void>;
  newestUsageOf(day: string): Promise<UsageRow | undefined>;
}
