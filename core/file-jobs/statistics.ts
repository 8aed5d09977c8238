/** Statistics of recently ended file jobs, counted by day (UTC) and kept for a few days. */
import type { JobRow } from '../contracts/jobs.ts';
import type { UsageCounter } from '../quota/quota.ts';
import { DAY_MS, dayNumber } from '../time.ts';

const KEPT_DAYS = 8;
const COUNTED = ['completed', 'failed', 'audio-seconds', 'work-seconds'] as const;
type Counted = (typeof COUNTED)[number];

export interface StatisticsDeps {
  readonly usage: UsageCounter;
  readonly nowMs: () => number;
}

const count = ({ usage }: StatisticsDeps, name: Counted, atMs: number, more: number): Promise<number> => {
  const day = dayNumber(atMs);
  return usage.count(`#files#${day}#${name}`, (day + KEPT_DAYS) * DAY_MS, more);
};

/** Processing time of a job in seconds; undefined if it was not processed, or another job did its work. */
export const workSeconds = ({ started_at_ms, completed_at_ms, same_as }: JobRow): number | undefined =>
  started_at_ms === undefined || completed_at_ms === undefined || same_as !== undefined
    ? undefined
    : Math.max(0, (completed_at_ms - started_at_ms) / 1000);

/** Counts an ended job; a cancelled one is not counted. */
export async function noteFileEnd(deps: StatisticsDeps, job: JobRow): Promise<void> {
  if (job.status !== 'completed' && job.status !== 'failed') return;
  const atMs = job.completed_at_ms ?? deps.nowMs();
  await count(deps, job.status, atMs, 1);
  const seconds = workSeconds(job);
  if (job.status !== 'completed' || seconds === undefined) return;
  await count(deps, 'audio-seconds', atMs, Math.ceil(job.seconds ?? 0));
  await count(deps, 'work-seconds', atMs, Math.ceil(seconds));
}

/** Today and yesterday together. */
export async function fileStatistics(deps: StatisticsDeps) {
  const days = [deps.nowMs(), deps.nowMs() - DAY_MS];
  const sums = await Promise.all(
    COUNTED.map(async (name) => {
      const values = await Promise.all(days.map((ms) => count(deps, name, ms, 0)));
      return values.reduce((sum, value) => sum + value, 0);
    }),
  );
  const [completed = 0, failed = 0, audioSeconds = 0, spentSeconds = 0] = sums;
  return {
    completed,
    failed,
    successRate: completed + failed === 0 ? null : completed / (completed + failed),
    secondsPerAudioMinute: audioSeconds === 0 ? null : Math.round((600 * spentSeconds) / audioSeconds) / 10,
  };
}
