/** "Your file is transcribed", or why it is not, to people who asked for it. */
import type { Mail, NoticeDeps } from '../batch-run/mail.ts';
import type { JobRow } from '../contracts/jobs.ts';

export type JobMailDeps = NoticeDeps;

const END = 'You asked for this mail; PUT /api/notifications {"fileCompleted": false} ends it.';

/** What was said is theirs: the mail has none of it. */
const mailOf = ({ filename, status, error, job_id }: JobRow): Mail => ({
  subject: status === 'completed' ? 'Your file is transcribed' : 'Your file could not be transcribed',
  text: [
    status === 'completed' ? `"${filename}" is transcribed.` : `"${filename}" could not be transcribed: ${error ?? 'it failed'}.`,
    `Job: ${job_id}`,
    ...(status === 'failed' ? [`POST /api/transcriptions/${job_id}/retry tries it again.`] : []),
    END,
  ].join('\n\n'),
});

/** Tells the owner, once for each end, if they want to know. */
export async function tellJobOwner(deps: JobMailDeps, job: JobRow): Promise<boolean> {
  const { mailer, notices, nowMs } = deps;
  if (mailer === undefined || (job.status !== 'completed' && job.status !== 'failed')) return false;
  if (!(await notices.wants(job.user_id)).fileCompleted) return false;
  const to = await mailer.addressOf(job.user_id);
  if (to === undefined || !(await notices.claim(`${job.job_id}#${job.status}#${job.round}`, nowMs()))) return false;
  await mailer.send(to, mailOf(job));
  return true;
}
