/** Emails about the end of a file job, to users who have enabled them. */
import type { Mail, NoticeDeps } from '../batch-run/mail.ts';
import type { JobRow } from '../contracts/jobs.ts';

export type JobMailDeps = NoticeDeps;

const UNSUBSCRIBE = 'To stop these emails: PUT /api/notifications {"fileCompleted": false}';

/** The email contains no transcript text. */
const mailOf = ({ filename, status, error, job_id }: JobRow): Mail => ({
  subject: status === 'completed' ? 'Your file is transcribed' : 'Your file could not be transcribed',
  text: [
    status === 'completed'
      ? `"${filename}" is transcribed.`
      : `"${filename}" could not be transcribed: ${error ?? 'the job failed'}.`,
    `Job: ${job_id}`,
    ...(status === 'failed' ? [`To retry it: POST /api/transcriptions/${job_id}/retry`] : []),
    UNSUBSCRIBE,
  ].join('\n\n'),
});

/** Emails the owner once for each end of a job, if they have enabled it. Returns whether an email was sent. */
export async function notifyJobOwner(deps: JobMailDeps, job: JobRow): Promise<boolean> {
  const { mailer, notices, nowMs } = deps;
  if (mailer === undefined || (job.status !== 'completed' && job.status !== 'failed')) return false;
  if (!(await notices.mailSettings(job.user_id)).fileCompleted) return false;
  const to = await mailer.addressOf(job.user_id);
  if (to === undefined || !(await notices.claim(`${job.job_id}#${job.status}#${job.round}`, nowMs()))) return false;
  await mailer.send(to, mailOf(job));
  return true;
}
