/** Public form of jobs. */
import type { JobRow } from '../contracts/jobs.ts';
import type { ChunkRow } from '../contracts/rows.ts';
import { viewWait, type Wait, waitsFor } from '../fleet/pool.ts';
import type { FleetStore } from '../fleet/ports.ts';
import { iso } from '../time.ts';
import { isOpen, type JobStage, statusOf } from './job.ts';
import type { JobDeps } from './ports.ts';
import { progressOf, rowsFor } from './progress.ts';
import { isRetranscribing, workOf } from './work.ts';

/** Progress of a retranscription, or why it failed. */
function viewRetranscription(job: JobRow, stageModel: string, rows: readonly ChunkRow[]) {
  const { again } = job;
  if (again === undefined) return undefined;
  const now = again.state === 'open' ? progressOf(workOf(job), rows) : again;
  return {
    status: again.state === 'open' ? ('processing' as const) : ('failed' as const),
    progress: Math.max(again.progress, now.progress),
    stage: now.progress < again.progress ? again.stage : now.stage,
    error: again.error ?? null,
    language: again.language,
    model: again.model ?? stageModel,
    requestedAt: iso(again.requested_at_ms),
  };
}

/** When it was recorded, as far as it is known. */
export const recordedMsOf = ({ recorded_at_ms, modified_at_ms }: JobRow): number | undefined => recorded_at_ms ?? modified_at_ms;

function recordedAtOf(job: JobRow): string | undefined {
  const ms = recordedMsOf(job);
  return ms === undefined ? undefined : iso(ms);
}

/**
 * Public form of a job. `rows` are those of `rowsFor`; they only matter while the job or its retranscription is open.
 * @throws DomainError `deleted`
 */
export function viewJob(job: JobRow, stageModel: string, rows: readonly ChunkRow[] = [], waits?: Wait) {
  const status = statusOf(job);
  const open = isOpen(job) && job.uploaded_at_ms !== undefined;
  const now = open ? progressOf(job, rows) : { progress: job.progress, stage: job.stage };
  const source = rows.find((row) => row.chunk_number === 0);
  const startedMs = job.started_at_ms ?? (source?.state === 'leased' ? source.claimed_at_ms : undefined);
  const waiting = (open || isRetranscribing(job)) && waits !== undefined && !rows.some(({ state }) => state === 'leased');
  return {
    id: job.job_id,
    userId: job.user_id,
    filename: job.filename,
    sizeBytes: job.size_bytes,
    status: status === 'pending' && startedMs !== undefined ? ('processing' as const) : status,
    progress: Math.max(job.progress, now.progress),
    stage: now.progress < job.progress ? job.stage : now.stage,
    error: job.error ?? null,
    language: job.language,
    model: job.model ?? stageModel,
    priority: job.priority,
    channels: job.channels,
    createdAt: iso(job.created_at_ms),
    recordedAt: recordedAtOf(job),
    startedAt: startedMs === undefined ? null : iso(startedMs),
    completedAt: job.completed_at_ms === undefined ? null : iso(job.completed_at_ms),
    durationSeconds: job.seconds,
    sameAs: job.same_as,
    retranscribing: isRetranscribing(job),
    retranscription: viewRetranscription(job, stageModel, rows),
    waitingFor: waiting ? viewWait(waits) : undefined,
  };
}

/** Dependencies of showing a job. */
export interface ShowDeps extends Pick<JobDeps, 'chunks' | 'nowMs'> {
  readonly stage: Pick<JobStage, 'models'>;
  readonly readPool: FleetStore['readPool'];
}

/** Public form of a job with its current progress, and why it waits. @throws DomainError `deleted` */
export async function showJob(deps: ShowDeps, job: JobRow) {
  const rows = await rowsFor(deps, job);
  const waits = isOpen(workOf(job)) ? waitsFor(await deps.readPool(), deps.nowMs()) : undefined;
  return viewJob(job, deps.stage.models[0] ?? '', rows, waits);
}
