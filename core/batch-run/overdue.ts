/** Detects that no batch run succeeds: a lock blocks the batch, its schedule is paused, or runs fail. */
import type { RunRow } from '../contracts/batch.ts';
import { HOUR_MS } from '../time.ts';
import type { BatchStore } from './ports.ts';

/** The batch runs every two hours. */
const OVERDUE_MS = 6 * HOUR_MS;
/** Runs of a day. */
const RUNS_READ = 12;

/** A run that a lock blocked has not succeeded; one that ran although a recording was live has. */
const hasSucceeded = ({ status, is_locked, is_behind_live }: RunRow): boolean =>
  status === 'success' || (status === 'skipped' && (!is_locked || is_behind_live));

/** Whether no run has succeeded for six hours. Never for a stage whose first run began less than six hours ago. */
export async function isBatchOverdue(batch: Pick<BatchStore, 'listRuns'>, nowMs: number): Promise<boolean> {
  const runs = (await batch.listRuns(RUNS_READ)).filter(({ dry_run }) => !dry_run);
  const sinceMs = nowMs - OVERDUE_MS;
  return (
    runs.some(({ started_at_ms }) => started_at_ms < sinceMs) &&
    !runs.some((run) => hasSucceeded(run) && (run.finished_at_ms ?? 0) >= sinceMs)
  );
}
