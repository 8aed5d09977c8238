/** Rows of the batch table: locks of recordings, the gate between recordings and the backlog, and batch runs. */
import * as z from 'zod';

/** Lock of a live recording that delays the batch; one per session. */
export const LeaseRow = z.object({
  kind: z.literal('lease'),
  /** The session's id. */
  id: z.string(),
  user_id: z.string(),
  locked_at_ms: z.number(),
  renewed_at_ms: z.number(),
  /** Time until which the lock is live. */
  until_ms: z.number(),
  expires_at_s: z.number().int(),
});
export type LeaseRow = z.infer<typeof LeaseRow>;

/** Decides whether workers may claim backlog. Locks, renewals and releases change this row; claims of backlog check it. */
export const GateRow = z.object({
  kind: z.literal('gate'),
  id: z.literal('gate'),
  /** Increases with every change of this row or of a lease. */
  epoch: z.number().int(),
  /** Time until which at least one lock is live. */
  live_until_ms: z.number(),
  /** When locks first blocked a scheduled run; removed when a run is no longer blocked. */
  blocked_since_ms: z.number().optional(),
  /** Time until which workers may claim backlog in spite of the locks, because it has waited too long. */
  behind_live_until_ms: z.number().optional(),
});
export type GateRow = z.infer<typeof GateRow>;

export const BATCH_TRIGGERS = ['schedule', 'manual'] as const;
export const BATCH_STATUSES = ['success', 'partial', 'failed', 'skipped'] as const;
export type BatchStatus = (typeof BATCH_STATUSES)[number];

/** Results of the scan of a run. */
const ScanCounts = z.object({
  sessions: z.number().int(),
  missing: z.number().int(),
  /** Chunks without a row (`found`), and results that were missing or damaged (`reset`). */
  found: z.number().int(),
  reset: z.number().int(),
  /** Whether all sessions were scanned, or only the recent ones. */
  is_full: z.boolean(),
  finished_at_ms: z.number(),
});

/** A batch run: `scanning` -> `working` -> `finished`. Any caller may advance it by one step; @see core/batch-run/run.ts */
export const RunRow = z.object({
  kind: z.literal('run'),
  /** `batch-YYYY-MM-DD-HHMM` of the scheduled minute (UTC), followed by `-2` and so on if it is taken. Also names the report. */
  id: z.string(),
  version: z.number().int(),
  trigger: z.enum(BATCH_TRIGGERS),
  dry_run: z.boolean(),
  state: z.enum(['scanning', 'working', 'finished']),
  started_at_ms: z.number(),
  /** Chunks without a result at this time are left to the next run. */
  deadline_ms: z.number(),
  /** Time until which a caller works on the run. */
  busy_until_ms: z.number(),
  /** Steps that ended with an error. */
  failures: z.number().int(),
  is_locked: z.boolean(),
  is_behind_live: z.boolean(),
  scan: ScanCounts.optional(),
  /** When all chunks had an outcome or the deadline had passed. */
  settled_at_ms: z.number().optional(),
  finished_at_ms: z.number().optional(),
  status: z.enum(BATCH_STATUSES).optional(),
  /** Why it was skipped or failed. */
  reason: z.string().optional(),
});
export type RunRow = z.infer<typeof RunRow>;

/** State of the batch in one row: active runs, whether the schedule is paused, and the last full audit. */
export const BatchStateRow = z.object({
  kind: z.literal('state'),
  id: z.literal('state'),
  version: z.number().int(),
  /** Runs that are not finished; at most one of them is not a dry run. */
  active_runs: z.array(z.string()),
  is_paused: z.boolean(),
  full_audit_at_ms: z.number(),
  full_audit_sessions: z.number().int(),
});
export type BatchStateRow = z.infer<typeof BatchStateRow>;
