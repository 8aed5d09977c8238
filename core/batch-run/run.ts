/**
 * A run of the batch: a row that is moved on, one step after the other, by whoever comes: its start, every minute, the end
 * of a GPU run. Each step looks at what is, does what is missing, and can be done again; so it may die anywhere.
 *
 *   scanning --nothing missing, or a lock--> finished (skipped)
 *   scanning --messages sent, GPU wished for--> working --all chunks at rest, GPU off; or the deadline--> finished
 *
 * The GPU is the workflow's: a run only wishes for it, and so never leaves one behind.
 */
import { encodeTime } from 'ulid';
import { isGateOpen, type LockDeps, passage } from '../batch-lock/lock.ts';
import type { BatchStateRow, BatchStatus, RunRow } from '../contracts/batch.ts';
import { LANES } from '../contracts/lanes.ts';
import { REQUEUE_SECONDS, UNSERVED_SECONDS } from '../contracts/limits.ts';
import { METRICS, type Metric } from '../contracts/metrics.ts';
import type { BatchReport, ListedChunk, PendingJobs } from '../contracts/report.ts';
import type { ChunkRow, GpuIntervalRow } from '../contracts/rows.ts';
import { DomainError } from '../errors.ts';
import type { FleetStore } from '../fleet/ports.ts';
import { dayOf, runningTimes, secondsOf } from '../ledger/gpu-time.ts';
import type { LedgerDeps } from '../ledger/ledger-service.ts';
import { type NoticeDeps, tellOwner } from './mail.ts';
import type { BatchChange, BatchStore, RunFiles } from './ports.ts';
import { beganDuring, outcomeOf, reportOf } from './report.ts';
import { each, inOrder, type ScanDeps, scan } from './scan.ts';

export interface RunnerDeps extends ScanDeps, LockDeps, LedgerDeps, NoticeDeps {
  readonly batch: BatchStore;
  readonly files: RunFiles;
  readonly readPool: FleetStore['readPool'];
  /** Brings a session's transcript up to date. */
  readonly assemble: (sessionId: string) => Promise<unknown>;
  readonly publish: (values: Partial<Record<Metric, number>>) => Promise<void>;
  /** Tells those who want to know of batches; said twice, they are told once. */
  readonly tellEnd: (run: RunRow, report: BatchReport) => Promise<void>;
  readonly maxBlockedHours: number;
}

const RUN_SECONDS = 110 * 60;
const BUSY_SECONDS = 90;
const STILL_BUSY_SECONDS = 20;
const MAX_FAILURES = 3;
const MAX_COLLISIONS = 20;
const DAY_MS = 86_400_000;
/** A run does not wait longer than this for a machine that others need as well. */
const STOP_AWAITED_SECONDS = 300;
const SESSIONS_ALWAYS_AUDITED = 1000;
const RECENT_MS = 2 * DAY_MS;
const ASSEMBLIES_AT_ONCE = 8;
const NOTES_AT_ONCE = 16;
/** What an answer of the API can carry. */
const MAX_PENDING_LISTED = 10_000;
const MAX_NAMES_IN_A_MINUTE = 1000;

/** `batch-YYYY-MM-DD-HHMM`, UTC. */
const nameOf = (ms: number): string => `batch-${new Date(ms).toISOString().slice(0, 16).replace('T', '-').replace(':', '')}`;

const finished = (run: RunRow): boolean => run.state === 'finished';
const without = (state: BatchStateRow, runId: string): BatchStateRow => ({
  ...state,
  active_runs: state.active_runs.filter((id) => id !== runId),
});
const stateTo = (from: BatchStateRow, to: BatchStateRow): NonNullable<BatchChange['state']> => ({
  from,
  to: { ...to, version: from.version + 1 },
});

export interface Wish {
  readonly trigger: RunRow['trigger'];
  readonly dryRun: boolean;
  /** The time that a schedule meant: the same time again is the same run. */
  readonly slotMs?: number | undefined;
}

/** The first name of this minute that is free; or the run that a schedule began for it. */
async function nameFor(batch: BatchStore, ms: number, isSlot: boolean): Promise<string | RunRow> {
  const name = nameOf(ms);
  for (let n = 1; n < MAX_NAMES_IN_A_MINUTE; n += 1) {
    const candidate = n === 1 ? name : `${name}-${n}`;
    const known = await batch.readRun(candidate);
    if (known === undefined) return candidate;
    if (isSlot && known.trigger === 'schedule') return known;
  }
  throw new DomainError('too-many', 'too many runs in this minute', { retryAfterSeconds: 60 });
}

type BeginDeps = Pick<RunnerDeps, 'batch' | 'nowMs'>;

/** A new run, or the one that is under way already; dry runs are always new. */
export async function begin({ batch, nowMs }: BeginDeps, wish: Wish): Promise<RunRow> {
  for (let collision = 0; collision < MAX_COLLISIONS; collision += 1) {
    const state = await batch.readState();
    const active = await Promise.all(state.active_runs.map((id) => batch.readRun(id)));
    const running = active.find((run) => run !== undefined && !run.dry_run && !finished(run));
    if (running !== undefined && !wish.dryRun) return running;
    const id = await nameFor(batch, wish.slotMs ?? nowMs(), wish.slotMs !== undefined);
    if (typeof id !== 'string') return id;
    const run: RunRow = {
      kind: 'run',
      id,
      version: 1,
      trigger: wish.trigger,
      dry_run: wish.dryRun,
      state: 'scanning',
      started_at_ms: nowMs(),
      deadline_ms: nowMs() + 1000 * RUN_SECONDS,
      busy_until_ms: 0,
      failures: 0,
      is_locked: false,
      is_behind_live: false,
    };
    const to = { ...state, active_runs: [...state.active_runs, run.id] };
    if ((await batch.commit({ state: stateTo(state, to), run: { to: run } })) === 'committed') return run;
  }
  throw new DomainError('busy', 'many runs are being started at this moment; try again');
}

/** A run in hand: written back only as long as nobody else has it. */
class Hold {
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

  /** Says that somebody is still at it; many may say so at once. */
  readonly goesOn = async (): Promise<void> => {
    const nowMs = this.#deps.nowMs();
    if (this.run.busy_until_ms - nowMs >= 1000 * (BUSY_SECONDS - STILL_BUSY_SECONDS)) return;
    this.#renewal ??= this.save({ busy_until_ms: nowMs + 1000 * BUSY_SECONDS }).finally(() => {
      this.#renewal = undefined;
    });
    await this.#renewal;
  };
}
class TakenOver extends Error {
  override readonly name = 'TakenOver';
}

/** Moves on every run that nobody is at; answers them as they are afterwards. */
export async function tick(deps: RunnerDeps): Promise<RunRow[]> {
  const { active_runs } = await deps.batch.readState();
  const moved: RunRow[] = [];
  for (const id of active_runs) {
    const run = await deps.batch.readRun(id);
    if (run === undefined || finished(run)) await forget(deps, id);
    else if (run.busy_until_ms <= deps.nowMs()) moved.push(await moveOn(deps, run));
  }
  return moved;
}

async function forget({ batch }: RunnerDeps, id: string): Promise<void> {
  const state = await batch.readState();
  await batch.commit({ state: stateTo(state, without(state, id)) }); // a conflict is the next tick's
}

async function moveOn(deps: RunnerDeps, run: RunRow): Promise<RunRow> {
  const hold = new Hold(deps, run);
  try {
    await hold.save({ busy_until_ms: deps.nowMs() + 1000 * BUSY_SECONDS });
    const isLate = run.state === 'scanning' && deps.nowMs() >= run.deadline_ms;
    if (isLate) await finish(deps, hold, { status: 'failed', reason: 'the scan did not come to its end in time' });
    else if (run.state === 'scanning') await doScan(deps, hold);
    else if (run.state === 'working') await doWork(deps, hold);
    if (!finished(hold.run)) await hold.save({ busy_until_ms: 0 });
  } catch (error) {
    if (error instanceof TakenOver) return hold.run;
    const failures = hold.run.failures + 1;
    if (failures >= MAX_FAILURES && (hold.run.state === 'scanning' || deps.nowMs() > run.deadline_ms))
      await finish(deps, hold, { status: 'failed', reason: 'it failed again and again; the log of the batch says why' });
    else await hold.save({ failures, busy_until_ms: 0 });
    throw error;
  }
  return hold.run;
}

const isFullAudit = (state: BatchStateRow, run: RunRow, nowMs: number): boolean =>
  run.trigger === 'manual' || state.full_audit_sessions <= SESSIONS_ALWAYS_AUDITED || nowMs - state.full_audit_at_ms >= DAY_MS;

const listed = (row: ChunkRow): ListedChunk => ({
  userId: row.user_id,
  sessionId: row.session_id,
  chunkNumber: row.chunk_number,
  sizeBytes: row.size_bytes,
});

async function doScan(deps: RunnerDeps, hold: Hold): Promise<void> {
  const { run } = hold;
  const isScheduled = run.trigger === 'schedule';
  if (!run.dry_run) {
    const way = await passage(deps, { isScheduled, untilMs: run.deadline_ms, maxBlockedHours: deps.maxBlockedHours });
    const change = { is_locked: way.kind !== 'free', is_behind_live: way.kind === 'behind-live' };
    if (way.kind !== 'free') await hold.save(change);
    if (way.kind === 'blocked') return finish(deps, hold, { status: 'skipped', reason: 'a recording holds the lock' });
  }
  const state = await deps.batch.readState();
  const startedMs = deps.nowMs();
  const isFull = isFullAudit(state, run, startedMs);
  const afterSession = isFull ? undefined : `session_${encodeTime(startedMs - RECENT_MS, 10)}`;
  const { sessions, found, reset, missing } = await scan(deps, { afterSession, isDry: run.dry_run, onProgress: hold.goesOn });
  const ordered = inOrder(missing, deps.nowMs());
  const counts = { sessions, missing: ordered.length, found, reset, is_full: isFull, finished_at_ms: deps.nowMs() };
  await deps.files.writePending(pendingJobs(ordered, counts));
  if (isFull && !run.dry_run) await noteFullAudit(deps, startedMs, sessions);
  if (run.dry_run || ordered.length === 0) {
    await hold.save({ scan: counts });
    return finish(deps, hold, run.dry_run ? { status: 'success' } : { status: 'skipped', reason: 'nothing is missing' });
  }
  await deps.files.writeChunks(run.id, ordered.map(listed));
  await hold.save({ scan: counts, state: 'working' });
  await send(deps, ordered);
}

function pendingJobs(rows: readonly ChunkRow[], scan: { sessions: number; finished_at_ms: number }): PendingJobs {
  return {
    scannedAt: new Date(scan.finished_at_ms).toISOString(),
    sessionsScanned: scan.sessions,
    totalMissingChunks: rows.length,
    pending: rows.slice(0, MAX_PENDING_LISTED).map((row) => ({
      ...listed(row),
      uploadedAt: new Date(row.uploaded_at_ms).toISOString(),
      attempts: row.attempts,
      ...(row.error_message !== undefined && { error: row.error_message }),
    })),
  };
}

async function noteFullAudit({ batch }: RunnerDeps, atMs: number, sessions: number): Promise<void> {
  const state = await batch.readState();
  // Lost in a conflict, the next run audits everything once more.
  await batch.commit({ state: stateTo(state, { ...state, full_audit_at_ms: atMs, full_audit_sessions: sessions }) });
}

/** Messages in this order, each in its row's lane, and the wish for a GPU. */
async function send(deps: RunnerDeps, rows: readonly ChunkRow[]): Promise<void> {
  const now = rows.filter((row) => row.next_attempt_at_ms <= deps.nowMs());
  for (const lane of LANES) {
    const inLane = now.filter((row) => row.lane === lane);
    await deps.queue.sendMany(
      lane,
      inLane.map((row) => ({ sessionId: row.session_id, chunkNumber: row.chunk_number })),
    );
    await each(inLane, NOTES_AT_ONCE, (row) => deps.chunks.noteQueued(row, lane, deps.nowMs()));
  }
  if (now.length > 0) await deps.wake();
}

const idOf = (sessionId: string, chunkNumber: number): string => `${sessionId}#${chunkNumber}`;

async function doWork(deps: RunnerDeps, hold: Hold): Promise<void> {
  const { run } = hold;
  const chunks = await deps.files.readChunks(run.id);
  const intervals = await intervalsOf(deps, run);
  const gpuSeconds = secondsOf(runningTimes(intervals, run.started_at_ms, deps.nowMs()));
  if (gpuSeconds > 0) await deps.publish({ [METRICS.batchGpuSeconds]: gpuSeconds });
  if (run.settled_at_ms === undefined) {
    const mine = new Set(chunks.map(({ sessionId, chunkNumber }) => idOf(sessionId, chunkNumber)));
    const isMine = (row: ChunkRow): boolean => mine.has(idOf(row.session_id, row.chunk_number));
    const waiting = outcomeOf((await deps.chunks.listAllPending()).filter(isMine)).left;
    const isOver = deps.nowMs() >= run.deadline_ms;
    if (!isOver && waiting.length > 0) return sendAgain(deps, waiting);
    // The index may lag behind: the rows themselves say whether all is done.
    if (!isOver && outcomeOf(await deps.chunks.getMany(chunks)).left.length > 0) return;
    await each([...new Set(chunks.map(({ sessionId }) => sessionId))], ASSEMBLIES_AT_ONCE, async (sessionId) => {
      await deps.assemble(sessionId);
      const session = await deps.sessions.get(sessionId);
      // A mail is a courtesy: the run does not fail with it.
      await tellOwner(deps, run, session).catch(() => deps.publish({ [METRICS.mailFailed]: 1 }));
      await hold.goesOn();
    });
    await hold.save({ settled_at_ms: deps.nowMs() });
  }
  const settledMs = hold.run.settled_at_ms ?? deps.nowMs();
  const isStopped =
    (await deps.readPool()).serving === undefined &&
    intervals.every((row) => !beganDuring(run, row) || row.stopped_at_ms !== undefined);
  if (isStopped || deps.nowMs() > settledMs + 1000 * STOP_AWAITED_SECONDS) await finish(deps, hold, {});
}

/** What is paused goes on when nobody records any more; what nobody has taken up for too long gets its message again. */
async function sendAgain(deps: RunnerDeps, waiting: readonly ChunkRow[]): Promise<void> {
  const isOpen = isGateOpen(await deps.locks.readGate(), deps.nowMs());
  const isServed = (await deps.readPool()).serving !== undefined;
  const patientMs = 1000 * (isServed ? REQUEUE_SECONDS : UNSERVED_SECONDS);
  const nowMs = deps.nowMs();
  const isFree = (row: ChunkRow): boolean =>
    row.state === 'pending' ? row.next_attempt_at_ms <= nowMs : (row.lease_until_ms ?? 0) < nowMs;
  const free = waiting.filter((row) => (isOpen || row.lane !== 'backlog') && isFree(row));
  const silent = free.filter((row) => nowMs - Math.max(row.queued_at_ms, row.next_attempt_at_ms) > patientMs);
  await send(deps, inOrder(silent, nowMs));
  if (!isServed && free.length > silent.length) await deps.wake();
}

async function intervalsOf({ ledger, nowMs }: RunnerDeps, run: RunRow): Promise<GpuIntervalRow[]> {
  const days: string[] = [];
  for (let ms = run.started_at_ms - DAY_MS; dayOf(ms) <= dayOf(nowMs()); ms += DAY_MS) days.push(dayOf(ms));
  return (await Promise.all(days.map((day) => ledger.intervalsOf(day)))).flat();
}

/** Report, word of it, and only then the end: each of the first two can happen again. */
async function finish(deps: RunnerDeps, hold: Hold, end: { status?: BatchStatus; reason?: string }): Promise<void> {
  const { run } = hold;
  const endMs = deps.nowMs();
  const hasWork = run.state === 'working' && end.status !== 'failed';
  const rows = hasWork ? await deps.chunks.getMany(await deps.files.readChunks(run.id)) : [];
  const intervals = await intervalsOf(deps, run);
  const left = outcomeOf(rows).left.length;
  const reason = end.reason ?? (left > 0 ? await whyLeft(deps) : undefined);
  const report = reportOf(run, { rows, intervals, usdPerHour: deps.usdPerHour, endMs, status: end.status, reason });
  if (!run.dry_run) {
    await deps.files.writeReport(run.id, report);
    await deps.publish(metricsOf(report));
    await deps.tellEnd(run, report);
  }
  const to: RunRow = { ...run, state: 'finished', finished_at_ms: endMs, busy_until_ms: 0, status: report.status };
  if (reason !== undefined) to.reason = reason;
  for (let collision = 0; collision < MAX_COLLISIONS; collision += 1) {
    const state = await deps.batch.readState();
    const change = { state: stateTo(state, without(state, run.id)), run: { from: run, to: { ...to, version: run.version + 1 } } };
    if ((await deps.batch.commit(change)) === 'committed') {
      hold.run = change.run.to;
      return;
    }
    if ((await deps.batch.readRun(run.id))?.version !== run.version) throw new TakenOver();
  }
}

/** One that a lock held back is neither good nor bad. */
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
  if (waits_for === 'capacity') return 'EC2 had no machine to give';
  if (waits_for === 'budget') return 'the budget of the day was spent';
  if (waits_for === 'failures') return 'no machine could work';
  if (!isGateOpen(await deps.locks.readGate(), deps.nowMs())) return 'a recording holds the lock; the next run goes on';
  return 'time was up; the next run goes on';
}

/** Public form of a run. */
export const viewRun = (run: RunRow) => ({
  id: run.id,
  trigger: run.trigger,
  dryRun: run.dry_run,
  state: run.state,
  status: run.status,
  reason: run.reason,
  startedAt: new Date(run.started_at_ms).toISOString(),
  finishedAt: run.finished_at_ms === undefined ? undefined : new Date(run.finished_at_ms).toISOString(),
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
