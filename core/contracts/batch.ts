/** Rows of the batch table: who records now, the gate between recorders and the backlog, and the batch's runs. */
import * as z from 'zod';

/** A recording holds the batch back: one per session. */
export const LeaseRow = z.object({
  kind: z.literal('lease'),
  /** The session's id. */
  id: z.string(),
  user_id: z.string(),
  locked_at_ms: z.number(),
  renewed_at_ms: z.number(),
  /** Stale from then on. */
  until_ms: z.number(),
  expires_at_s: z.number().int(),
});
export type LeaseRow = z.infer<typeof LeaseRow>;

/** Every lock, renewal, release and claim of backlog goes through this one row. */
export const GateRow = z.object({
  kind: z.literal('gate'),
  id: z.literal('gate'),
  /** Rises with every change; a change of leases is a change of this. */
  epoch: z.number().int(),
  /** Somebody records until then. */
  live_until_ms: z.number(),
  /** First scheduled run that the lock held back since the last one that went ahead. */
  blocked_since_ms: z.number().optional(),
  /** Until then the backlog is worked off behind live work, whoever records: it has waited long enough. */
  behind_live_until_ms: z.number().optional(),
});
export type GateRow = z.infer<typeof GateRow>;

export const BATCH_TRIGGERS = ['schedule', 'manual'] as const;
export const BATCH_STATUSES = ['success', 'partial', 'failed', 'skipped'] as const;
export type BatchStatus = (typeof BATCH_STATUSES)[number];

/** What the scan of a run found. */
const ScanCounts = z.object({
  sessions: z.number().int(),
  missing: z.number().int(),
  /** Chunks that nobody knew of, and results that were gone or broken. */
  found: z.number().int(),
  reset: z.number().int(),
  /** Whether every session was looked at, or only the recent ones. */
  is_full: z.boolean(),
  finished_at_ms: z.number(),
});

/** One run of the batch. `scanning` -> `working` -> `finished`. */
export const RunRow = z.object({
  kind: z.literal('run'),
  /** `batch-YYYY-MM-DD-HHMM` by the minute it is for (UTC), `-2` and so on where the minute is taken; also its report's name. */
  id: z.string(),
  version: z.number().int(),
  trigger: z.enum(BATCH_TRIGGERS),
  dry_run: z.boolean(),
  state: z.enum(['scanning', 'working', 'finished']),
  started_at_ms: z.number(),
  /** What is not done by then is the next run's. */
  deadline_ms: z.number(),
  /** Somebody is at it until then. */
  busy_until_ms: z.number(),
  /** Errors that ended a step of it. */
  failures: z.number().int(),
  is_locked: z.boolean(),
  is_behind_live: z.boolean(),
  scan: ScanCounts.optional(),
  /** Everything was done, or the deadline was there. */
  settled_at_ms: z.number().optional(),
  finished_at_ms: z.number().optional(),
  status: z.enum(BATCH_STATUSES).optional(),
  /** Why it was skipped or failed. */
  reason: z.string().optional(),
});
export type RunRow = z.infer<typeof RunRow>;

/** What a user wants to be told. */
export const WantsRow = z.object({
  kind: z.literal('wants'),
  id: z.string(),
  session_completed: z.boolean(),
  file_completed: z.boolean().optional(),
});
export type WantsRow = z.infer<typeof WantsRow>;

/** That somebody was told something; forgotten after some days. */
export const NoticeRow = z.object({ kind: z.literal('notice'), id: z.string(), expires_at_s: z.number().int() });
export type NoticeRow = z.infer<typeof NoticeRow>;

/** One row of odds and ends: the run that is under way, whether the schedule is paused, the last audit of everything. */
export const BatchStateRow = z.object({
  kind: z.literal('state'),
  id: z.literal('state'),
  version: z.number().int(),
  /** Runs that are not finished; at most one of them is not dry. */
  active_runs: z.array(z.string()),
  is_paused: z.boolean(),
  full_audit_at_ms: z.number(),
  full_audit_sessions: z.number().int(),
});
export type BatchStateRow = z.infer<typeof BatchStateRow>;
