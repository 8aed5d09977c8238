/** What a person does with a job: cancel, retry, delete. */
import type { ChunkStore } from '../chunk-cache/ports.ts';
import type { JobRow } from '../contracts/jobs.ts';
import { DomainError } from '../errors.ts';
import { advance, tellSharers } from './advance.ts';
import { begunAnew, ended, isOpen, tombstone, update } from './job.ts';
import type { JobDeps } from './ports.ts';

export interface ControlDeps extends JobDeps {
  readonly chunks: JobDeps['chunks'] & Pick<ChunkStore, 'removeAll'>;
}

/** Rows first: a worker that finds its row gone stops within a batch. */
export async function purgeJob(deps: ControlDeps, job: JobRow): Promise<void> {
  await deps.chunks.removeAll(job.job_id);
  if (job.upload_id !== undefined) await deps.uploads.abort(job.object_key, job.upload_id);
  await deps.files.removeAll(job);
}

/** @throws DomainError `already-over` */
export async function cancelJob(deps: ControlDeps, { job_id }: JobRow): Promise<JobRow> {
  let was: JobRow | undefined;
  const cancelled = await update(deps, job_id, (now) => {
    was = now;
    return isOpen(now) ? ended(now, 'cancelled', deps.nowMs()) : undefined;
  });
  if (cancelled === undefined) {
    if (was?.status === 'cancelled') return was;
    throw new DomainError('already-over', `the job is ${was?.status ?? 'gone'}`);
  }
  await purgeJob(deps, was ?? cancelled);
  await tellSharers(deps, cancelled);
  return cancelled;
}

/**
 * What is transcribed already stays. Asked for again (two clicks, or an answer that was lost), it has begun anew already.
 * @throws DomainError `not-failed`
 */
export async function retryJob(deps: JobDeps, { job_id }: JobRow): Promise<JobRow> {
  let was: JobRow | undefined;
  const changed = await update(deps, job_id, (now) => {
    was = now;
    return now.status === 'failed' ? begunAnew(now, deps.nowMs()) : undefined;
  });
  const anew = changed ?? (was !== undefined && isOpen(was) && was.round > 0 ? was : undefined);
  if (anew === undefined) throw new DomainError('not-failed', 'only a job that has failed can be tried again');
  if (anew.uploaded_at_ms === undefined)
    throw new DomainError('upload-incomplete', 'its file was never uploaded; begin a new job');
  await advance(deps, job_id);
  return (await deps.jobs.get(job_id)) ?? anew;
}

export async function deleteJob(deps: ControlDeps, { job_id }: JobRow): Promise<void> {
  let was: JobRow | undefined;
  const gone = await update(deps, job_id, (now) => {
    was = now;
    return now.status === 'deleted' ? undefined : tombstone(now, deps.nowMs());
  });
  if (gone === undefined || was === undefined) return;
  await purgeJob(deps, was);
  await tellSharers(deps, was);
}
