/** A run's report, computed from stored rows only, so that it can be written again after a crash. */
import type { BatchStatus, RunRow } from '../contracts/batch.ts';
import type { BatchReport } from '../contracts/report.ts';
import type { ChunkRow, GpuIntervalRow } from '../contracts/rows.ts';
import { costUsd, runningTimes, secondsOf } from '../ledger/gpu-time.ts';
import { iso } from '../time.ts';

const MAX_DEAD_LISTED = 100;

const tenths = (seconds: number): number => Math.round(Math.max(0, seconds) * 10) / 10;
const between = (fromMs: number | undefined, toMs: number | undefined): number =>
  fromMs === undefined || toMs === undefined ? 0 : tenths((toMs - fromMs) / 1000);
const most = (numbers: readonly number[]): number | undefined => (numbers.length === 0 ? undefined : Math.max(...numbers));
const least = (numbers: readonly number[]): number | undefined => (numbers.length === 0 ? undefined : Math.min(...numbers));

/** A run's chunks, grouped by their state. */
export interface ChunksByResult {
  readonly transcribed: readonly ChunkRow[];
  readonly dead: readonly ChunkRow[];
  /** Neither transcribed nor permanently failed. */
  readonly left: readonly ChunkRow[];
}

export const groupByResult = (rows: readonly ChunkRow[]): ChunksByResult => ({
  transcribed: rows.filter(({ state }) => state === 'done'),
  dead: rows.filter(({ state }) => state === 'dead'),
  left: rows.filter(({ state }) => state === 'pending' || state === 'leased'),
});

function statusOf({ transcribed, dead, left }: ChunksByResult): BatchStatus {
  if (dead.length + left.length === 0) return 'success';
  return transcribed.length > 0 ? 'partial' : 'failed';
}

/** Whether a machine was launched after the run started. EC2 reports times in whole seconds. */
export const launchedDuring = (run: RunRow, row: GpuIntervalRow): boolean =>
  row.at_ms >= Math.floor(run.started_at_ms / 1000) * 1000;

/** Machine time between the start and the end of a run. */
function gpuOf(run: RunRow, intervals: readonly GpuIntervalRow[], endMs: number, usdPerHour: number) {
  const during = intervals.filter((row) => row.at_ms < endMs && (row.stopped_at_ms ?? endMs) > run.started_at_ms);
  const ours = during.filter((row) => launchedDuring(run, row));
  const stops = during.map((row) => row.stopped_at_ms);
  const seconds = secondsOf(runningTimes(during, run.started_at_ms, endMs));
  return {
    startedMs: least(ours.map((row) => row.at_ms)),
    stoppedMs: stops.every((ms) => ms !== undefined) ? most(stops) : undefined,
    wasRunning: during.length > ours.length,
    weStartedIt: ours.length > 0,
    runtimeSeconds: tenths(seconds),
    costUSD: Math.round(costUsd(seconds, usdPerHour) * 1e6) / 1e6,
  };
}

/** What a report is computed from, besides the run's row. */
export interface ReportParts {
  /** Current rows of the run's chunks. */
  readonly rows: readonly ChunkRow[];
  /** GPU running times around the run. */
  readonly intervals: readonly GpuIntervalRow[];
  readonly usdPerHour: number;
  readonly endMs: number;
  /** Undefined: derived from `rows`. */
  readonly status?: BatchStatus | undefined;
  readonly reason?: string | undefined;
}

/** Computes the report of a run that ends at `endMs`. */
export function reportOf(run: RunRow, { rows, intervals, usdPerHour, endMs, status, reason }: ReportParts): BatchReport {
  const outcome = groupByResult(rows);
  const { transcribed, dead, left } = outcome;
  const nothing = { wasRunning: false, weStartedIt: false, runtimeSeconds: 0, costUSD: 0 };
  const { startedMs, stoppedMs, ...gpu } =
    rows.length === 0
      ? {
          ...nothing,
          startedMs: undefined,
          stoppedMs: undefined,
          wasRunning: gpuOf(run, intervals, endMs, usdPerHour).wasRunning,
        }
      : gpuOf(run, intervals, endMs, usdPerHour);
  const claims = transcribed.flatMap((row) => row.claimed_at_ms ?? []);
  const lastMs = most(transcribed.flatMap((row) => row.transcribed_at_ms ?? []));
  const finalStatus = status ?? statusOf(outcome);
  return {
    timestamp: iso(run.started_at_ms),
    status: finalStatus,
    skipped: finalStatus === 'skipped',
    lockStatus: { locked: run.is_locked },
    scan: { sessionsScanned: run.scan?.sessions ?? 0, totalMissingChunks: run.scan?.missing ?? 0 },
    gpu: {
      ...gpu,
      startTime: startedMs === undefined ? null : iso(startedMs),
      stopTime: stoppedMs === undefined ? null : iso(stoppedMs),
    },
    transcription: {
      chunksTranscribed: transcribed.length,
      chunksFailed: dead.length,
      totalSizeBytes: transcribed.reduce((sum, row) => sum + row.size_bytes, 0),
    },
    performance: {
      totalDurationSeconds: between(run.started_at_ms, endMs),
      scanDurationSeconds: between(run.started_at_ms, run.scan?.finished_at_ms),
      gpuStartupSeconds: between(startedMs, least(claims)),
      transcribeDurationSeconds: between(least(claims), lastMs),
      shutdownSeconds: between(lastMs, stoppedMs),
    },
    name: run.id,
    trigger: run.trigger,
    ...(reason !== undefined && { reason }),
    behindLive: run.is_behind_live,
    chunksLeft: left.length,
    sessionsTouched: new Set(rows.map((row) => row.session_id)).size,
    deadChunks: dead
      .slice(0, MAX_DEAD_LISTED)
      .map((row) => ({ sessionId: row.session_id, chunkNumber: row.chunk_number, error: row.error_message ?? '' })),
  };
}
