/** The current state of the stage: queues, pending work, machines and costs; and permanently failed chunks. */
import type { ChunkStore } from '../chunk-cache/ports.ts';
import { LANES, type Lane } from '../contracts/lanes.ts';
import type { ChunkRow, PoolRow } from '../contracts/rows.ts';
import type { JobStore } from '../file-jobs/ports.ts';
import { fileStatistics, type StatisticsDeps } from '../file-jobs/statistics.ts';
import type { StepDeps } from '../fleet/decide.ts';
import { viewWait, waitsFor } from '../fleet/pool.ts';
import type { Machine } from '../fleet/ports.ts';
import { type BudgetDeps, roundUsd } from '../ledger/costs.ts';
import { costThisMonth, costToday, type GpuCost, newestUsage } from '../ledger/ledger-service.ts';
import { iso } from '../time.ts';

/** What the overview is made of. */
export interface OverviewDeps extends StepDeps, BudgetDeps, StatisticsDeps {
  readonly chunks: Pick<ChunkStore, 'listPending'>;
  readonly jobs: Pick<JobStore, 'listStuck'>;
  readonly liveDefault: boolean;
  /** Approximate number of messages waiting in a lane. */
  readonly queueLength: (lane: Lane) => Promise<number>;
}

/** Rows per pending shard, stuck jobs and permanently failed rows that are read. */
const [PENDING_ROWS, STUCK_JOBS, DEAD_ROWS] = [500, 100, 100];

/** Number of messages by lane. */
async function queueLengths({ queueLength }: OverviewDeps): Promise<Record<Lane, number>> {
  const lengths: Record<Lane, number> = { stop: 0, live: 0, 'files-urgent': 0, files: 0, backlog: 0 };
  await Promise.all(
    LANES.map(async (lane) => {
      lengths[lane] = await queueLength(lane);
    }),
  );
  return lengths;
}

/** Age in seconds of the oldest pending row of each lane. Empty lanes are omitted. */
function oldestByLane(pending: readonly ChunkRow[], nowMs: number): Partial<Record<Lane, number>> {
  const oldest: Partial<Record<Lane, number>> = {};
  for (const { lane, uploaded_at_ms } of pending)
    oldest[lane] = Math.max(oldest[lane] ?? 0, Math.round((nowMs - uploaded_at_ms) / 1000));
  return oldest;
}

/** A machine of the pool and its holders. */
async function viewInstance({ store }: OverviewDeps, { instanceId, state, instanceType, launchedAtMs }: Machine) {
  const { holders } = await store.readInstance(instanceId);
  const isUp = state === 'running' || state === 'pending';
  return {
    instanceId,
    instanceType,
    state,
    runningSince: isUp ? iso(launchedAtMs) : undefined,
    holders: Object.entries(holders).map(([holder, untilMs]) => ({ holder, until: iso(untilMs) })),
  };
}

/** Why no machine starts, and how the last runs ended. */
function viewRuns(pool: PoolRow, nowMs: number) {
  const waits = waitsFor(pool, nowMs);
  return { waitingFor: waits && viewWait(waits), failedRuns: pool.failed_runs, lastError: pool.last_error };
}

const viewCosts = (today: GpuCost, month: GpuCost) => ({
  todayUsd: roundUsd(today.usd),
  todayGpuSeconds: Math.round(today.gpuSeconds),
  monthUsd: roundUsd(month.usd),
  monthGpuSeconds: Math.round(month.gpuSeconds),
});

/** The state of the stage. */
export async function overview(deps: OverviewDeps) {
  const nowMs = deps.nowMs();
  const [machines, pool, today, month, queues] = await Promise.all([
    deps.machines.describe(deps.instanceIds),
    deps.store.readPool(),
    costToday(deps),
    costThisMonth(deps),
    queueLengths(deps),
  ]);
  const instances = await Promise.all(machines.map((machine) => viewInstance(deps, machine)));
  const [pending, stuck, files, usage] = await Promise.all([
    deps.chunks.listPending(PENDING_ROWS),
    deps.jobs.listStuck(STUCK_JOBS),
    fileStatistics(deps),
    newestUsage(deps),
  ]);
  return {
    queues,
    oldestSeconds: oldestByLane(pending, nowMs),
    pending: { sessions: new Set(pending.map((row) => row.session_id)).size, chunks: pending.length },
    files,
    stuckJobs: stuck.map((job) => ({
      id: job.job_id,
      userId: job.user_id,
      progress: job.progress,
      movedAt: iso(job.moved_at_ms),
    })),
    gpu: {
      instances,
      run: pool.serving?.run_id,
      workerMemoryMb: usage?.worker_mb,
      workerDevice: usage?.device,
      ...viewRuns(pool, nowMs),
    },
    live: { default: deps.liveDefault, usdPerRecordedHour: deps.usdPerHour },
    cost: { ...viewCosts(today, month), dailyBudgetUsd: deps.budgetUsd, usdPerHour: deps.usdPerHour },
  };
}

/** Permanently failed chunks, newest upload first. */
export async function deadChunks({ chunks }: { readonly chunks: Pick<ChunkStore, 'listDead'> }) {
  const rows = await chunks.listDead(DEAD_ROWS);
  return rows.map((row) => ({
    userId: row.user_id,
    sessionId: row.session_id,
    chunkNumber: row.chunk_number,
    error: row.error_message ?? 'failed',
    attempts: row.attempts,
    sizeBytes: row.size_bytes,
    uploadedAt: iso(row.uploaded_at_ms),
  }));
}
