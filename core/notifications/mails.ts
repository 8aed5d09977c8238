/** Emails to users who have enabled them: a batch run has completed a session, or a file job has ended. No transcript text. */
import type { RunRow } from '../contracts/batch.ts';
import type { JobRow } from '../contracts/jobs.ts';
import type { SessionRow } from '../contracts/rows.ts';
import { iso } from '../time.ts';
import type { Mail, MailSettings, NoticeDeps } from './ports.ts';

const unsubscribe = (kind: keyof MailSettings): string => `To stop these emails: PUT /api/notifications {"${kind}": false}`;

function sessionMail(session: SessionRow): Mail {
  const startedAt = iso(session.created_at_ms).slice(0, 16).replace('T', ' ');
  const name = session.title === undefined ? `Your recording of ${startedAt} UTC` : `"${session.title}" (${startedAt} UTC)`;
  const outcome =
    session.transcript_status === 'partial' ? 'is transcribed in part; some chunks are missing or failed' : 'is transcribed';
  return {
    subject: 'Your recording is transcribed',
    text: `${name} ${outcome}.\n\nSession: ${session.session_id}\n\n${unsubscribe('sessionCompleted')}\n`,
  };
}

const jobMail = ({ filename, status, error, job_id }: JobRow): Mail => ({
  subject: status === 'completed' ? 'Your file is transcribed' : 'Your file could not be transcribed',
  text: [
    status === 'completed'
      ? `"${filename}" is transcribed.`
      : `"${filename}" could not be transcribed: ${error ?? 'the job failed'}.`,
    `Job: ${job_id}`,
    ...(status === 'failed' ? [`To retry it: POST /api/transcriptions/${job_id}/retry`] : []),
    unsubscribe('fileCompleted'),
  ].join('\n\n'),
});

/** Sends a notice once, if its user has enabled this kind. Returns whether it was sent. A failed send is not repeated. */
async function sendOnce(
  { mailer, notices, nowMs }: NoticeDeps,
  kind: keyof MailSettings,
  userId: string,
  noticeId: string,
  mail: Mail,
): Promise<boolean> {
  if (mailer === undefined || !(await notices.mailSettings(userId))[kind]) return false;
  const to = await mailer.addressOf(userId);
  if (to === undefined || !(await notices.claim(noticeId, nowMs()))) return false;
  await mailer.send(to, mail);
  return true;
}

/** Emails the owner of a session, once per run, if this run has completed it. Returns whether an email was sent. */
export async function notifyOwner(deps: NoticeDeps, run: RunRow, session: SessionRow | undefined): Promise<boolean> {
  if (session?.state !== 'completed' || (session.transcript_written_at_ms ?? 0) < run.started_at_ms) return false;
  return sendOnce(deps, 'sessionCompleted', session.user_id, `${run.id}#${session.session_id}`, sessionMail(session));
}

/** Emails the owner of a job once for each of its ends. Returns whether an email was sent. */
export async function notifyJobOwner(deps: NoticeDeps, job: JobRow): Promise<boolean> {
  if (job.status !== 'completed' && job.status !== 'failed') return false;
  return sendOnce(deps, 'fileCompleted', job.user_id, `${job.job_id}#${job.status}#${job.round}`, jobMail(job));
}
