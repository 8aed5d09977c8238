/**
 * A batch run is a row in a state machine. Each call of `tick` advances the active runs by one step: when a run is started, every
 * minute, and when a GPU run ends. A step acts on the current state and can be repeated, so its process may die anywhere.
 *
 *   scanning --nothing is missing, a lock blocks the run, or it is a dry run--> finished
 *   scanning --the scan fails MAX_FAILURES times, or does not finish before the deadline--> finished (failed)
 *   scanning --chunks are missing: sends their messages, requests a GPU--> working
 *   working --all chunks done or dead, or the deadline; then the GPU off, or STOP_AWAITED_SECONDS later--> finished
 *
 * Gotchas: a caller claims the run until `busy_until_ms` and renews the claim; another caller takes over when it has expired.
 * The workflow owns the GPU: a run only requests it, and therefore never leaves a machine running.
 */
import { encodeTime } from 'ulid';
import { backlogAccess, isGateOpen, type LockDeps } from '../batch-lock/lock.ts';
import { sendRows } from '../chunk-cache/queueing.ts';
import { type Containment, forEachContained } from '../contained.ts';
import type { BatchStateRow, BatchStatus, RunRow } from '../contracts/batch.ts';
import { REQUEUE_SECONDS, UNSERVED_SECONDS } from '../contracts/limits.ts';
import { METRICS, type Metric } from '../contracts/metrics.ts';
import type { BatchReport, ListedChunk, PendingJobs } from '../contracts/report.ts';
import type { ChunkRow, GpuIntervalRow } from '../contracts/rows.ts';
import { DomainError } from '../errors.ts';
import type { FleetStore } from '../fleet/ports.ts';
import { runningTimes, secondsOf } from '../ledger/gpu-time.ts';
import type { LedgerDeps } from '../ledger/ledger-service.ts';
import { notifyOwner } from '../notifications/mails.ts';
import type { OwnerNoticeDeps } from '../notifications/ports.ts';
import { CONFLICT, optimistically } from '../optimistic.ts';
import { DAY_MS, iso, utcDays } from '../time.ts';
import type { BatchChange, BatchStore, RunFiles } from './ports.ts';
import { groupByResult, launchedDuring, reportOf } from './report.ts';
import { inQueueOrder, type ScanDeps, scan } from './scan.ts';

export interface RunnerDeps extends ScanDeps, LockDeps, LedgerDeps, OwnerNoticeDeps {
  readonly batch: BatchStore;
  readonly files: RunFiles;
  readonly readPool: FleetStore['readPool'];
  /** Writes a session's transcript from its current results. */
  readonly assemble: (sessionId: string) => Promise<unknown>;
  readonly publish: (values: Partial<Record<Metric, number>>) => Promise<void>;
  /** Notifies the subscribers of batch runs. It may be called twice for a run, and must notify each subscriber once. */
  readonly notifyEnd: (run: RunRow, report: BatchReport) => Promise<void>;
  readonly maxBlockedHours: number;
}

const RUN_SECONDS = 110 * 60; // from the start to the deadline
const RUNS_AT_ONCE = 4;
const STEP_SECONDS = 14 * 60; // below the function's timeout of 15 minutes
/** Length of a claim; it is renewed when it is older than RENEW_AFTER_SECONDS. */
const BUSY_SECONDS = 90;
const RENEW_AFTER_SECONDS = 20;
const MAX_FAILURES = 3;
/** Longest wait for machines to stop; other holders may keep them running. */
const STOP_AWAITED_SECONDS = 300;
/** Up to this many sessions, every run scans all of them; above that, those of the last RECENT_MS. */
const SESSIONS_ALWAYS_AUDITED = 1000;
const RECENT_MS = 2 * DAY_MS;
const ASSEMBLIES_AT_ONCE = 8;
const ASSEMBLY_SECONDS = 60;
const MAX_PENDING_LISTED = 10_000; // the API returns them in one response
const MAX_NAMES_IN_A_MINUTE = 1000;

/** `batch-YYYY-MM-DD-HHMM`, UTC. */
const nameOf = (ms: number): string => `batch-${iso(ms).slice(0, 16).replace('T', '-').replace(':', '')}`;

const finished = (run: RunRow): boolean => run.state === 'finished';
const without = (state: BatchStateRow, runId: string): BatchStateRow => ({
  ...state,
  active_runs: state.active_runs.filter((id) => id !== runId),
});
const stateTo = (from: BatchStateRow, to: BatchStateRow): NonNullable<BatchChange['state']> => ({
  from,
  to: { ...to, version: from.version + 1 },
});

/** Options of a new run. */
export interface RunRequest {
  readonly trigger: RunRow['trigger'];
  readonly dryRun: boolean;
  /** Scheduled time. A repeated event of the same slot returns the same run. */
  readonly slotMs?: number | undefined;
}

/** Returns the first free name of this minute, or the run that already has the scheduled slot. @throws DomainError `too-many` */
async function nameFor(batch: BatchStore, ms: number, isSlot: boolean): Promise<string | RunRow> {
  const name = nameOf(ms);
  for (let n = 1; n < MAX_NAMES_IN_A_MINUTE; n += 1) {
    const candidate = n === 1 ? name : `${name}-${n}`;
    const known = await batch.readRun(candidate);
    if (known === undefined) return candidate;
    if (isSlot && known.trigger === 'schedule') return known;
  }
  throw new DomainError('too-many', 'too many runs were started in this minute', { retryAfterSeconds: 60 });
}

/** Dependencies of starting a run. */
export type BeginDeps = Pick<RunnerDeps, 'batch' | 'nowMs'>;

/** Starts a run, or returns the active one. A dry run is always new. @throws DomainError `busy`, `too-many` */
export const begin = ({ batch, nowMs }: BeginDeps, request: RunRequest): Promise<RunRow> =>
  optimistically('the batch', async () => {
    const state = await batch.readState();
    const active = await Promise.all(state.active_runs.map((id) => batch.readRun(id)));
    const running = active.find((run) => run !== undefined && !run.dry_run && !finished(run));
    if (running !== undefined && !request.dryRun) return running;
    const id = await nameFor(batch, request.slotMs ?? nowMs(), request.slotMs !== undefined);
    if (typeof id !== 'string') return id;
    const run: RunRow = {
      kind: 'run',
      id,
      version: 1,
      trigger: request.trigger,
      dry_run: request.dryRun,
      state: 'scanning',
      started_at_ms: nowMs(),
      deadline_ms: nowMs() + 1000 * RUN_SECONDS,
      busy_until_ms: 0,
      failures: 0,
      is_locked: false,
      is_behind_live: false,
    };
    const to = { ...state, active_runs: [...state.active_runs, run.id] };
    return (await batch.commit({ state: stateTo(state, to), run: { to: run } })) === 'committed' ? run : CONFLICT;
  });

/** A run that this process has claimed. @throws TakenOver when another process has changed the row */
class RunClaim {
  run: RunRow;
  readonly #deps: RunnerDeps;
  #renewal: Promise<void> | undefined;

  constructor(deps: RunnerDeps, run: RunRow) {
    this.#deps = deps;
    this.run = run;
  }

  async save(change: Partial<RunRow>): Promise<void> {
    const to = { ...this.run, ...change, version: this.run.version + 1 };
    if ((await this.#deps.batch.commit({ run: { from: this.run, to } })) === 'conflict') throw new TakenOver();
    this.run = to;
  }

  /** Renews the claim if it is due. Concurrent calls share one write. */
  readonly keepAlive = async (): Promise<void> => {
    const nowMs = this.#deps.nowMs();
    if (this.run.busy_until_ms - nowMs >= 1000 * (BUSY_SECONDS - RENEW_AFTER_SECONDS)) return;
    this.#renewal ??= this.save({ busy_until_ms: nowMs + 1000 * BUSY_SECONDS }).finally(() => {
      this.#renewal = undefined;
    });
    await this.#renewal;
  };
}
class TakenOver extends Error {
  override readonly name = 'TakenOver';
}

/** Advances every run that no other caller has claimed; returns these runs after the step. */
export async function tick(deps: RunnerDeps, containment: Containment): Promise<RunRow[]> {
  const { active_runs } = await deps.batch.readState();
  const advanced: RunRow[] = [];
  const work = async (id: string): Promise<void> => {
    const run = await deps.batch.readRun(id);
    if (run === undefined || finished(run)) await removeActive(deps, id);
    else if (run.busy_until_ms <= deps.nowMs()) advanced.push(await advanceRun({ ...deps, containment }, run));
  };
  await forEachContained(active_runs, { idOf: (id) => id, work, atOnce: RUNS_AT_ONCE, seconds: STEP_SECONDS }, containment);
  return advanced;
}

interface StepDeps extends RunnerDeps {
  readonly containment: Containment;
}

async function removeActive({ batch }: RunnerDeps, id: string): Promise<void> {
  const state = await batch.readState();
  await batch.commit({ state: stateTo(state, without(state, id)) }); // after a conflict, the next tick removes it
}

async function advanceRun(deps: StepDeps, run: RunRow): Promise<RunRow> {
  const claim = new RunClaim(deps, run);
  try {
    await claim.save({ busy_until_ms: deps.nowMs() + 1000 * BUSY_SECONDS });
    const isLate = run.state === 'scanning' && deps.nowMs() >= run.deadline_ms;
    if (isLate) await endRun(deps, claim, { status: 'failed', reason: 'the scan did not finish in time' });
    else if (run.state === 'scanning') await doScan(deps, claim);
    else if (run.state === 'working') await doWork(deps, claim);
    if (!finished(claim.run)) await claim.save({ busy_until_ms: 0 });
  } catch (error) {
    if (error instanceof TakenOver) return claim.run;
    const failures = claim.run.failures + 1;
    if (failures >= MAX_FAILURES && (claim.run.state === 'scanning' || deps.nowMs() > run.deadline_ms))
      await endRun(deps, claim, { status: 'failed', reason: 'the run failed repeatedly; see the log of the batch runner' });
    else await claim.save({ failures, busy_until_ms: 0 });
    throw error;
  }
  return claim.run;
}

const isFullAudit = (state: BatchStateRow, run: RunRow, nowMs: number): boolean =>
  run.trigger === 'manual' || state.full_audit_sessions <= SESSIONS_ALWAYS_AUDITED || nowMs - state.full_audit_at_ms >= DAY_MS;

const listed = (row: ChunkRow): ListedChunk => ({
  userId: row.user_id,
  sessionId: row.session_id,
  chunkNumber: row.chunk_number,
  sizeBytes: row.size_bytes,
});

async function doScan(deps: StepDeps, claim: RunClaim): Promise<void> {
  const { run } = claim;
  const isScheduled = run.trigger === 'schedule';
  if (!run.dry_run) {
    const access = await backlogAccess(deps, { isScheduled, untilMs: run.deadline_ms, maxBlockedHours: deps.maxBlockedHours });
    const change = { is_locked: access.kind !== 'free', is_behind_live: access.kind === 'behind-live' };
    if (access.kind !== 'free') await claim.save(change);
    if (access.kind === 'blocked') return endRun(deps, claim, { status: 'skipped', reason: 'a recording holds the lock' });
  }
  const state = await deps.batch.readState();
  const startedMs = deps.nowMs();
  const isFull = isFullAudit(state, run, startedMs);
  const afterSession = isFull ? undefined : `session_${encodeTime(startedMs - RECENT_MS, 10)}`;
  const range = { afterSession, isDry: run.dry_run, onProgress: claim.keepAlive };
  const { sessions, found, reset, missing, isComplete } = await scan(deps, range, deps.containment);
  // The next tick repeats an incomplete scan. The last attempt continues with what was found.
  if (!isComplete && run.failures < MAX_FAILURES - 1) throw new Error('the scan was incomplete; the next tick repeats it');
  const ordered = inQueueOrder(missing, deps.nowMs());
  const counts = { sessions, missing: ordered.length, found, reset, is_full: isFull, finished_at_ms: deps.nowMs() };
  await deps.files.writePending(pendingJobs(ordered, counts));
  if (isFull && isComplete && !run.dry_run) await noteFullAudit(deps, startedMs, sessions);
  if (run.dry_run || ordered.length === 0) {
    await claim.save({ scan: counts });
    return endRun(deps, claim, run.dry_run ? { status: 'success' } : { status: 'skipped', reason: 'nothing is missing' });
  }
  await deps.files.writeChunks(run.id, ordered.map(listed));
  await claim.save({ scan: counts, state: 'working' });
  await send(deps, ordered);
}

function pendingJobs(rows: readonly ChunkRow[], scan: { sessions: number; finished_at_ms: number }): PendingJobs {
  return {
    scannedAt: iso(scan.finished_at_ms),
    sessionsScanned: scan.sessions,
    totalMissingChunks: rows.length,
    pending: rows.slice(0, MAX_PENDING_LISTED).map((row) => ({
      ...listed(row),
      uploadedAt: iso(row.uploaded_at_ms),
      attempts: row.attempts,
      ...(row.error_message !== undefined && { error: row.error_message }),
    })),
  };
}

async function noteFullAudit({ batch }: RunnerDeps, atMs: number, sessions: number): Promise<void> {
  const state = await batch.readState();
  // If this write conflicts, the next run scans everything once more.
  await batch.commit({ state: stateTo(state, { ...state, full_audit_at_ms: atMs, full_audit_sessions: sessions }) });
}

/** Sends the messages of rows whose attempt is due, in this order, each to its row's lane; then requests a GPU. */
async function send(deps: RunnerDeps, rows: readonly ChunkRow[]): Promise<void> {
  const now = rows.filter((row) => row.next_attempt_at_ms <= deps.nowMs());
  await sendRows(deps, now, deps.nowMs());
  if (now.length > 0) await deps.wake();
}

const idOf = (sessionId: string, chunkNumber: number): string => `${sessionId}#${chunkNumber}`;
async function doWork(deps: StepDeps, claim: RunClaim): Promise<void> {
  const { run } = claim;
  const chunks = await deps.files.readChunks(run.id);
  const intervals = await intervalsOf(deps, run);
  const gpuSeconds = secondsOf(runningTimes(intervals, run.started_at_ms, deps.nowMs()));
  if (gpuSeconds > 0) await deps.publish({ [METRICS.batchGpuSeconds]: gpuSeconds });
  if (run.settled_at_ms === undefined) {
    const mine = new Set(chunks.map(({ sessionId, chunkNumber }) => idOf(sessionId, chunkNumber)));
    const isMine = (row: ChunkRow): boolean => mine.has(idOf(row.session_id, row.chunk_number));
    const waiting = groupByResult((await deps.chunks.listAllPending()).filter(isMine)).left;
    const isOver = deps.nowMs() >= run.deadline_ms;
    if (!isOver && waiting.length > 0) return resend(deps, waiting);
    // The index may lag behind, so the rows decide whether all chunks are finished.
    if (!isOver && groupByResult(await deps.chunks.getMany(chunks)).left.length > 0) return;
    const left = await assembleAll(deps, claim, [...new Set(chunks.map(({ sessionId }) => sessionId))]);
    if (left > 0) return; // out of time; the next tick continues
    await claim.save({ settled_at_ms: deps.nowMs() });
  }
  const settledMs = claim.run.settled_at_ms ?? deps.nowMs();
  const isStopped =
    (await deps.readPool()).serving === undefined &&
    intervals.every((row) => !launchedDuring(run, row) || row.stopped_at_ms !== undefined);
  if (isStopped || deps.nowMs() > settledMs + 1000 * STOP_AWAITED_SECONDS) await endRun(deps, claim, {});
}

/** Writes the transcripts and emails their owners. Returns the number of sessions that were not started in time. */
async function assembleAll(deps: StepDeps, claim: RunClaim, sessionIds: readonly string[]): Promise<number> {
  let takenOver: unknown;
  const work = async (sessionId: string): Promise<void> => {
    await claim.keepAlive().catch((error: unknown) => {
      takenOver = error;
    });
    if (takenOver !== undefined) return;
    await deps.assemble(sessionId);
    const session = await deps.sessions.get(sessionId);
    // A failed email does not fail the run.
    await notifyOwner(deps, claim.run, session).catch(() => deps.publish({ [METRICS.mailFailed]: 1 }));
  };
  const one = { idOf: (sessionId: string) => sessionId, work, atOnce: ASSEMBLIES_AT_ONCE, seconds: ASSEMBLY_SECONDS };
  const { left } = await forEachContained(sessionIds, one, deps.containment);
  if (takenOver !== undefined) throw takenOver;
  return left;
}

/** Resends overdue messages, and requests a GPU for claimable rows. Backlog stays paused while the gate is closed. */
async function resend(deps: RunnerDeps, waiting: readonly ChunkRow[]): Promise<void> {
  const isOpen = isGateOpen(await deps.locks.readGate(), deps.nowMs());
  const isServed = (await deps.readPool()).serving !== undefined;
  const graceMs = 1000 * (isServed ? REQUEUE_SECONDS : UNSERVED_SECONDS);
  const nowMs = deps.nowMs();
  const isClaimable = (row: ChunkRow): boolean =>
    row.state === 'pending' ? row.next_attempt_at_ms <= nowMs : (row.lease_until_ms ?? 0) < nowMs;
  const claimable = waiting.filter((row) => (isOpen || row.lane !== 'backlog') && isClaimable(row));
  const overdue = claimable.filter((row) => nowMs - Math.max(row.queued_at_ms, row.next_attempt_at_ms) > graceMs);
  await send(deps, inQueueOrder(overdue, nowMs));
  if (!isServed && claimable.length > overdue.length) await deps.wake();
}

async function intervalsOf({ ledger, nowMs }: RunnerDeps, run: RunRow): Promise<GpuIntervalRow[]> {
  const days = utcDays(run.started_at_ms - DAY_MS, nowMs());
  return (await Promise.all(days.map((day) => ledger.intervalsOf(day)))).flat();
}

/** Writes the report, publishes and notifies, then ends the run. After a crash in between, these steps are repeated. */
async function endRun(deps: RunnerDeps, claim: RunClaim, end: { status?: BatchStatus; reason?: string }): Promise<void> {
  const { run } = claim;
  const endMs = deps.nowMs();
  const hasWork = run.state === 'working' && end.status !== 'failed';
  const rows = hasWork ? await deps.chunks.getMany(await deps.files.readChunks(run.id)) : [];
  const intervals = await intervalsOf(deps, run);
  const left = groupByResult(rows).left.length;
  const reason = end.reason ?? (left > 0 ? await whyLeft(deps) : undefined);
  const report = reportOf(run, { rows, intervals, usdPerHour: deps.usdPerHour, endMs, status: end.status, reason });
  if (!run.dry_run) {
    await deps.files.writeReport(run.id, report);
    await deps.publish(metricsOf(report));
    await deps.notifyEnd(run, report);
  }
  const to: RunRow = { ...run, state: 'finished', finished_at_ms: endMs, busy_until_ms: 0, status: report.status };
  if (reason !== undefined) to.reason = reason;
  claim.run = await optimistically('the batch', async () => {
    const state = await deps.batch.readState();
    const change = { state: stateTo(state, without(state, run.id)), run: { from: run, to: { ...to, version: run.version + 1 } } };
    if ((await deps.batch.commit(change)) === 'committed') return change.run.to;
    if ((await deps.batch.readRun(run.id))?.version !== run.version) throw new TakenOver();
    return CONFLICT;
  });
}

/** A run that a lock blocked counts as neither success nor failure. */
function metricsOf({ status, scan, lockStatus, transcription }: BatchReport): Partial<Record<Metric, number>> {
  const { chunksFailed } = transcription;
  const isGood = status === 'success' || (status === 'skipped' && !lockStatus.locked);
  return {
    ...(isGood && { [METRICS.batchSucceeded]: 1 }),
    ...((status === 'failed' || status === 'partial') && { [METRICS.batchFailed]: 1 }),
    ...(chunksFailed > 0 && {
      [METRICS.deadChunks]: chunksFailed,
      [METRICS.failedChunksPercent]: (100 * chunksFailed) / scan.totalMissingChunks,
    }),
  };
}

async function whyLeft(deps: RunnerDeps): Promise<string> {
  const { waits_for } = await deps.readPool();
  if (waits_for === 'capacity') return 'EC2 had no capacity';
  if (waits_for === 'budget') return 'the daily budget was spent';
  if (waits_for === 'failures') return 'GPU runs failed repeatedly';
  if (!isGateOpen(await deps.locks.readGate(), deps.nowMs())) return 'a recording holds the lock; the next run continues';
  return 'the run reached its deadline; the next run continues';
}
