/**
 * Cancels, retries and deletes jobs.
 *
 *   open --cancel--> cancelled; failed --retry--> open; any --delete--> deleted (a tombstone)
 *
 * Gotchas:
 * - The job's row changes first. If the caller dies before rows and objects are removed, the session keeper removes them.
 * - Jobs that share the content continue: if this job did the work, one of them takes it over.
 * - Cancelling a retranscription leaves the job completed.
 */
import type { ChunkStore } from '../chunk-cache/ports.ts';
import type { JobRow } from '../contracts/jobs.ts';
import { DomainError } from '../errors.ts';
import { advance, advanceSharers } from './advance.ts';
import { endedJob, isOpen, restartedJob, tombstone, update } from './job.ts';
import type { JobDeps } from './ports.ts';
import { isRetranscribing } from './work.ts';

export interface ControlDeps extends JobDeps {
  readonly chunks: JobDeps['chunks'] & Pick<ChunkStore, 'removeAll'>;
}

/** Removes all rows and objects of a job. Rows come first: a worker whose row is gone stops after its current batch. */
export async function purgeJob(deps: ControlDeps, job: JobRow): Promise<void> {
  await deps.chunks.removeAll(job.job_id);
  if (job.upload_id !== undefined) await deps.uploads.abort(job.object_key, job.upload_id);
  await deps.files.removeAll(job);
}

/** Stops a retranscription. The job's text and file stay. */
async function stopRetranscription(deps: ControlDeps, job: JobRow): Promise<void> {
  await deps.chunks.removeRows((await deps.chunks.listOf(job.job_id)).filter(({ state }) => state !== 'done'));
  await deps.files.removeResults(job);
}

/**
 * Cancels a job, or only its retranscription if it has one. Cancelling twice has no further effect.
 * @throws DomainError `already-over`
 */
export async function cancelJob(deps: ControlDeps, { job_id }: JobRow): Promise<JobRow> {
  let was: JobRow | undefined;
  const cancelled = await update(deps, job_id, (now) => {
    was = now;
    return isOpen(now) ? endedJob(now, 'cancelled', deps.nowMs()) : undefined;
  });
  if (cancelled === undefined) {
    if (was?.status === 'cancelled') return was;
    throw new DomainError('already-over', `the job is ${was?.status ?? 'gone'}`);
  }
  if (cancelled.status === 'completed') {
    await stopRetranscription(deps, cancelled);
    return cancelled;
  }
  await purgeJob(deps, was ?? cancelled);
  await advanceSharers(deps, cancelled);
  return cancelled;
}

/**
 * Restarts a failed job; finished parts are kept. A repeated request (a second click, or a lost response) has no further effect.
 * @throws DomainError `not-failed`, `upload-incomplete`
 */
export async function retryJob(deps: JobDeps, { job_id }: JobRow): Promise<JobRow> {
  let was: JobRow | undefined;
  const changed = await update(deps, job_id, (now) => {
    was = now;
    return now.status === 'failed' ? restartedJob(now, deps.nowMs()) : undefined;
  });
  const restarted = changed ?? (was !== undefined && isOpen(was) && was.round > 0 && !isRetranscribing(was) ? was : undefined);
  if (restarted === undefined) throw new DomainError('not-failed', 'only a failed job can be retried');
  if (restarted.uploaded_at_ms === undefined)
    throw new DomainError('upload-incomplete', 'the file was never uploaded; create a new job');
  await advance(deps, job_id);
  return (await deps.jobs.get(job_id)) ?? restarted;
}

/** Deletes a job with its file and text; a tombstone stays. Deleting twice has no further effect. */
export async function deleteJob(deps: ControlDeps, { job_id }: JobRow): Promise<void> {
  let was: JobRow | undefined;
  const deleted = await update(deps, job_id, (now) => {
    was = now;
    return now.status === 'deleted' ? undefined : tombstone(now, deps.nowMs());
  });
  if (deleted === undefined || was === undefined) return;
  await purgeJob(deps, was);
  await advanceSharers(deps, was);
}
