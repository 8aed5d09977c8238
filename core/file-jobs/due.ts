/**
 * Processes the jobs whose `due_at_ms` has passed:
 * - Not uploaded within a day: the upload is accepted if it is complete after all; otherwise the job fails.
 * - Open: advanced. Without progress since the last time, its messages are sent again, up to `MAX_RESUMES` times; then it fails.
 * - Ended: late leftovers are removed (all objects of a cancelled or deleted job, intermediate results of a completed one).
 */
import { sendRows } from '../chunk-cache/queueing.ts';
import { type Containment, forEachContained } from '../contained.ts';
import { type JobRow, MAX_RESUMES, STUCK_SECONDS } from '../contracts/jobs.ts';
import { acceptUpload, advance, failJob } from './advance.ts';
import { type ControlDeps, purgeJob } from './control.ts';
import { dueWhenStuck, isOpen, notDue, update, updateRow } from './job.ts';
import { rowsFingerprint, rowsFor } from './progress.ts';
import { workOf } from './work.ts';

export interface JobDueDeps extends ControlDeps {
  /** Whether no machine may be started at the moment, so that no job can make progress. */
  readonly isHeldBack: () => Promise<boolean>;
}

export type JobOutcome = 'cleared' | 'accepted' | 'abandoned' | 'moved' | 'resumed' | 'failed';

/** Jobs processed in one pass; the next pass finds the rest. */
const PASS_LIMIT = 50;

async function processDue(deps: JobDueDeps, row: JobRow): Promise<JobOutcome> {
  const job = workOf(row);
  const nowMs = deps.nowMs();
  if (!isOpen(job)) {
    if (job.status === 'cancelled' || job.status === 'deleted') await purgeJob(deps, job);
    else if (job.status === 'completed') await deps.files.removeResults(job);
    await update(deps, job.job_id, (now) => (isOpen(now) ? undefined : notDue(now)));
    return 'cleared';
  }
  if (job.uploaded_at_ms === undefined) {
    if (await acceptUpload(deps, job.job_id)) return 'accepted'; // neither the client's call nor S3's event arrived
    await failJob(deps, job.job_id, 'the file was not uploaded within a day');
    await purgeJob(deps, job);
    return 'abandoned';
  }
  await advance(deps, job.job_id);
  const rows = await rowsFor(deps, row);
  const to = rowsFingerprint(rows);
  const hasMoved = to !== job.moved_to;
  const heldBack = await deps.isHeldBack();
  if (!hasMoved && !heldBack && job.resumes >= MAX_RESUMES) {
    const hours = (MAX_RESUMES * STUCK_SECONDS) / 3600;
    await failJob(deps, job.job_id, `no progress for ${hours} hours, although the job was resumed ${MAX_RESUMES} times`);
    return 'failed';
  }
  await update(deps, job.job_id, (now) => {
    if (!isOpen(now)) return undefined;
    const resumes = hasMoved ? 0 : now.resumes + (heldBack ? 0 : 1);
    return dueWhenStuck({ ...now, moved_to: to, ...(hasMoved && { moved_at_ms: nowMs }), resumes }, nowMs);
  });
  if (hasMoved) return 'moved';
  const waiting = rows.filter(
    ({ state, lease_until_ms = 0 }) => state === 'pending' || (state === 'leased' && lease_until_ms < nowMs),
  );
  await sendRows(deps, waiting, nowMs);
  if (waiting.length > 0) await deps.wake();
  return 'resumed';
}

/** Processes due jobs. Returns the number of jobs by outcome. */
export async function processDueJobs(deps: JobDueDeps, containment: Containment): Promise<Partial<Record<JobOutcome, number>>> {
  const done: Partial<Record<JobOutcome, number>> = {};
  const loop = {
    idOf: ({ job_id }: JobRow) => job_id,
    work: async (job: JobRow) => {
      const outcome = await processDue(deps, job);
      done[outcome] = (done[outcome] ?? 0) + 1;
    },
    postpone: async ({ job_id, due_at_ms }: JobRow) => {
      const nowMs = deps.nowMs();
      await updateRow(deps, job_id, (now) => (now.due_at_ms === due_at_ms ? dueWhenStuck(now, nowMs) : undefined));
    },
  };
  await forEachContained(await deps.jobs.listDue(deps.nowMs(), PASS_LIMIT), loop, containment);
  return done;
}
