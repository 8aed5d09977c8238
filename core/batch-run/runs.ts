/** What clients read of batch runs: the runs, their reports, and the chunks that the newest scan found missing. */
import type { Caller } from '../caller.ts';
import type { BatchStatus, RunRow } from '../contracts/batch.ts';
import type { BatchReport, PendingJobs } from '../contracts/report.ts';
import { DomainError } from '../errors.ts';
import { type Page, pageOf } from '../page.ts';
import { iso } from '../time.ts';
import type { BatchStore, RunFiles } from './ports.ts';

const RUN_NAME = /^batch-\d{4}-\d{2}-\d{2}-\d{4}(?:-\d+)?$/;

/** Public form of a run. */
export const viewRun = (run: RunRow) => ({
  id: run.id,
  trigger: run.trigger,
  dryRun: run.dry_run,
  state: run.state,
  status: run.status,
  reason: run.reason,
  startedAt: iso(run.started_at_ms),
  finishedAt: run.finished_at_ms === undefined ? undefined : iso(run.finished_at_ms),
  locked: run.is_locked,
  behindLive: run.is_behind_live,
  scan: run.scan && {
    sessionsScanned: run.scan.sessions,
    totalMissingChunks: run.scan.missing,
    chunksFound: run.scan.found,
    resultsReset: run.scan.reset,
    full: run.scan.is_full,
  },
});

/** A page of the runs, newest first. */
export const listRuns = async (batch: BatchStore, limit: number, before?: string): Promise<Page<RunRow>> =>
  pageOf(await batch.listRuns(limit + 1, before), limit);

/** Stores of runs and their reports. */
export interface RunDeps {
  readonly batch: Pick<BatchStore, 'readRun'>;
  readonly files: Pick<RunFiles, 'readReport'>;
}

/** A run with its report. @throws DomainError `not-found` */
export async function runDetails({ batch, files }: RunDeps, id: string) {
  const run = RUN_NAME.test(id) ? await batch.readRun(id) : undefined;
  if (run === undefined) throw new DomainError('not-found', 'there is no such run');
  return { ...viewRun(run), report: await files.readReport(id) };
}

type ReportedRun = RunRow & { readonly status: BatchStatus };
/** Whether a run has a report. Dry runs have none. */
const hasReport = (run: RunRow): run is ReportedRun => run.state === 'finished' && !run.dry_run && run.status !== undefined;

/** Runs per query, and queries per call, when looking for runs with a report. */
const [RUNS_PER_QUERY, MAX_QUERIES] = [200, 10];

/** A page of the runs that have a report, newest first. After MAX_QUERIES it may be short, but still has a cursor. */
export async function listReported(batch: BatchStore, limit: number, before?: string): Promise<Page<ReportedRun>> {
  const found: ReportedRun[] = [];
  let last = before;
  for (let queries = 0; queries < MAX_QUERIES; queries++) {
    const runs = await batch.listRuns(RUNS_PER_QUERY, last);
    found.push(...runs.filter(hasReport));
    if (found.length > limit || runs.length < RUNS_PER_QUERY) return pageOf(found, limit);
    last = runs.at(-1)?.id;
  }
  return { items: found, cursor: last };
}

/** Public form of a run in the list of reports. */
export const viewReported = (run: ReportedRun) => ({
  name: run.id,
  timestamp: iso(run.started_at_ms),
  status: run.status,
  totalMissingChunks: run.scan?.missing ?? 0,
});

/** A report by the name of its run or of its file. @throws DomainError `not-found` */
export async function reportNamed({ readReport }: Pick<RunFiles, 'readReport'>, name: string): Promise<BatchReport> {
  const runId = name.replace(/\.json$/, '');
  const report = RUN_NAME.test(runId) ? await readReport(runId) : undefined;
  if (report === undefined) throw new DomainError('not-found', 'there is no such report');
  return report;
}

/** Chunks that the newest scan found missing. Totals include other users' chunks, so only admins see them. */
export async function pendingFor(
  { readPending }: Pick<RunFiles, 'readPending'>,
  { userId, isAdmin }: Caller,
): Promise<Partial<PendingJobs> & Pick<PendingJobs, 'totalMissingChunks' | 'pending'>> {
  const found = await readPending();
  if (found === undefined) return { sessionsScanned: 0, totalMissingChunks: 0, pending: [] };
  if (isAdmin) return found;
  const pending = found.pending.filter((chunk) => chunk.userId === userId);
  return { scannedAt: found.scannedAt, totalMissingChunks: pending.length, pending };
}
