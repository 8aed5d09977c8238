/** Jobs that something must be done with by now: uploads that nobody finishes, jobs that are stuck, ends that are cleared up. */
import { type JobRow, MAX_RESUMES, STUCK_SECONDS } from '../contracts/jobs.ts';
import { advance, failJob, takeUpload } from './advance.ts';
import { type ControlDeps, purgeJob } from './control.ts';
import { dueWhenStuck, isOpen, movement, notDue, rowsFor, update } from './job.ts';

export interface JobDueDeps extends ControlDeps {
  /** Whether nobody may start a machine at the moment, so that nothing can move. */
  readonly isHeldBack: () => Promise<boolean>;
}

export type JobOutcome = 'cleared' | 'taken' | 'abandoned' | 'moved' | 'resumed' | 'given-up';

/** Jobs looked at in one pass; the next pass finds the rest. */
const PASS_LIMIT = 50;

async function settle(deps: JobDueDeps, job: JobRow): Promise<JobOutcome> {
  const nowMs = deps.nowMs();
  if (!isOpen(job)) {
    if (job.status === 'cancelled' || job.status === 'deleted') await purgeJob(deps, job);
    else if (job.status === 'completed') await deps.files.removeResults(job);
    await update(deps, job.job_id, (now) => (isOpen(now) ? undefined : notDue(now)));
    return 'cleared';
  }
  if (job.uploaded_at_ms === undefined) {
    if (await takeUpload(deps, job.job_id)) return 'taken'; // nobody said so, and no event came
    await failJob(deps, job.job_id, 'the file was not uploaded within a day');
    await purgeJob(deps, job);
    return 'abandoned';
  }
  await advance(deps, job.job_id);
  const rows = await rowsFor(deps, job);
  const to = movement(rows);
  const hasMoved = to !== job.moved_to;
  const heldBack = await deps.isHeldBack();
  if (!hasMoved && !heldBack && job.resumes >= MAX_RESUMES) {
    const hours = (MAX_RESUMES * STUCK_SECONDS) / 3600;
    await failJob(deps, job.job_id, `nothing had moved for ${hours} hours, although it was tried again and again`);
    return 'given-up';
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
  for (const row of waiting) {
    await deps.queue.send(row.lane, row.session_id, row.chunk_number);
    await deps.chunks.noteQueued(row, row.lane, nowMs);
  }
  if (waiting.length > 0) await deps.wake();
  return 'resumed';
}

/** Answers what was done with how many jobs. */
export async function settleDueJobs(deps: JobDueDeps): Promise<Partial<Record<JobOutcome, number>>> {
  const done: Partial<Record<JobOutcome, number>> = {};
  for (const job of await deps.jobs.listDue(deps.nowMs(), PASS_LIMIT)) {
    const outcome = await settle(deps, job);
    done[outcome] = (done[outcome] ?? 0) + 1;
  }
  return done;
}
