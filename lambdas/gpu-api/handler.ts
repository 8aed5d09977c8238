import * as z from 'zod';
import type { ChunkStore } from '../../core/chunk-cache/ports.ts';
import { CostsQuery, StartGpu, StopGpu } from '../../core/contracts/http.ts';
import { LANES, type Lane } from '../../core/contracts/lanes.ts';
import type { ChunkRow } from '../../core/contracts/rows.ts';
import { DomainError } from '../../core/errors.ts';
import type { JobStore } from '../../core/file-jobs/ports.ts';
import { fileStatistics } from '../../core/file-jobs/statistics.ts';
import { startForAdmin, stopForAdmin } from '../../core/fleet/admins.ts';
import type { FleetDeps } from '../../core/fleet/decide.ts';
import { waitsFor } from '../../core/fleet/pool.ts';
import { costByDay, costThisMonth, costToday, type LedgerDeps, workerMemory } from '../../core/ledger/ledger-service.ts';
import type { UsageCounter } from '../../core/quota/quota.ts';
import { adminOnly, bodyRoute, endpoints, json, queryRoute } from '../runtime/endpoint.ts';

const MINUTE_MS = 60_000;

export interface GpuApiDeps extends Omit<FleetDeps, 'runs'>, LedgerDeps {
  readonly chunks: Pick<ChunkStore, 'listPending' | 'listDead'>;
  readonly jobs: Pick<JobStore, 'listStuck'>;
  readonly usage: UsageCounter;
  readonly budgetUsd: number;
  readonly liveDefault: boolean;
  /** Approximate number of messages waiting in a lane. */
  readonly queueLength: (lane: Lane) => Promise<number>;
}

const roundUsd = (usd: number): number => Math.round(usd * 10_000) / 10_000;
const iso = (ms: number): string => new Date(ms).toISOString();

/** Rows per pending shard, stuck jobs and permanently failed rows that the overview reads. */
const [PENDING_ROWS, STUCK_JOBS, DEAD_ROWS] = [500, 100, 100];

/** Age in seconds of the oldest pending row of each lane. Empty lanes are omitted. */
function oldestByLane(pending: readonly ChunkRow[], nowMs: number): Partial<Record<Lane, number>> {
  const oldest: Partial<Record<Lane, number>> = {};
  for (const { lane, uploaded_at_ms } of pending)
    oldest[lane] = Math.max(oldest[lane] ?? 0, Math.round((nowMs - uploaded_at_ms) / 1000));
  return oldest;
}

/** Manual GPU control, the overview and costs. Admins only. */
export const buildHandler = (deps: GpuApiDeps, clientId: string) =>
  endpoints(
    {
      'POST /api/gpu/start': bodyRoute(StartGpu, async ({ input, caller }) => {
        adminOnly(caller);
        const untilMs = deps.nowMs() + input.minutes * MINUTE_MS;
        const isBudgetSpent = (await costToday(deps)).usd >= deps.budgetUsd;
        if (isBudgetSpent)
          throw new DomainError('budget-reached', `the daily budget of ${deps.budgetUsd} USD is spent; it resets at 00:00 UTC`);
        const started = await startForAdmin(deps, caller.userId, untilMs);
        if (started.kind === 'no-capacity')
          throw new DomainError('no-capacity', 'EC2 has no capacity for this machine now; try again in a few minutes');
        if (started.kind !== 'held') throw new DomainError('busy', 'all machines are stopping; try again in a minute');
        return json(202, { instanceId: started.instanceId, state: started.machine, heldUntil: iso(untilMs) });
      }),

      'POST /api/gpu/stop': bodyRoute(StopGpu, async ({ input, caller }) => {
        adminOnly(caller);
        return json(200, await stopForAdmin(deps, caller.userId, input.force));
      }),

      'GET /api/costs': queryRoute(CostsQuery, async ({ input, caller }) => {
        adminOnly(caller);
        const month = input.month ?? iso(deps.nowMs()).slice(0, 7);
        const days = await costByDay(deps, month);
        const gpuSeconds = days.reduce((sum, day) => sum + day.gpuSeconds, 0);
        return json(200, {
          month,
          days: days.map(({ day, ...cost }) => ({ day, gpuSeconds: Math.round(cost.gpuSeconds), usd: roundUsd(cost.usd) })),
          gpuSeconds: Math.round(gpuSeconds),
          usd: roundUsd(days.reduce((sum, day) => sum + day.usd, 0)),
          usdPerHour: deps.usdPerHour,
          dailyBudgetUsd: deps.budgetUsd,
        });
      }),

      'GET /api/overview/dead-chunks': queryRoute(z.object({}), async ({ caller }) => {
        adminOnly(caller);
        const rows = await deps.chunks.listDead(DEAD_ROWS);
        return json(200, {
          dead: rows.map((row) => ({
            userId: row.user_id,
            sessionId: row.session_id,
            chunkNumber: row.chunk_number,
            error: row.error_message ?? 'failed',
            attempts: row.attempts,
            sizeBytes: row.size_bytes,
            uploadedAt: iso(row.uploaded_at_ms),
          })),
        });
      }),

      'GET /api/overview': queryRoute(z.object({}), async ({ caller }) => {
        adminOnly(caller);
        const nowMs = deps.nowMs();
        const [machines, pool, today, month, lengths] = await Promise.all([
          deps.machines.describe(deps.instanceIds),
          deps.store.readPool(),
          costToday(deps),
          costThisMonth(deps),
          Promise.all(LANES.map(async (lane) => [lane, await deps.queueLength(lane)] as const)),
        ]);
        const instances = await Promise.all(
          machines.map(async ({ instanceId, state, instanceType, launchedAtMs }) => {
            const { holders } = await deps.store.readInstance(instanceId);
            const isUp = state === 'running' || state === 'pending';
            return {
              instanceId,
              instanceType,
              state,
              runningSince: isUp ? iso(launchedAtMs) : undefined,
              holders: Object.entries(holders).map(([holder, untilMs]) => ({ holder, until: iso(untilMs) })),
            };
          }),
        );
        const waits = waitsFor(pool, nowMs);
        const [pending, stuck, files, workerMemoryMb] = await Promise.all([
          deps.chunks.listPending(PENDING_ROWS),
          deps.jobs.listStuck(STUCK_JOBS),
          fileStatistics(deps),
          workerMemory(deps),
        ]);
        return json(200, {
          queues: Object.fromEntries(lengths),
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
            workerMemoryMb,
            waitingFor: waits && { reason: waits.reason, until: iso(waits.untilMs) },
            failedRuns: pool.failed_runs,
            lastError: pool.last_error,
          },
          live: { default: deps.liveDefault, usdPerRecordedHour: deps.usdPerHour },
          cost: {
            todayUsd: roundUsd(today.usd),
            todayGpuSeconds: Math.round(today.gpuSeconds),
            monthUsd: roundUsd(month.usd),
            monthGpuSeconds: Math.round(month.gpuSeconds),
            dailyBudgetUsd: deps.budgetUsd,
            usdPerHour: deps.usdPerHour,
          },
        });
      }),
    },
    clientId,
    deps,
  );
