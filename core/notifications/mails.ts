/** Emails to users who have enabled them: a batch run has completed a session, or a file job has ended. No transcript text. */
import type { RunRow } from '../contracts/batch.ts';
import type { JobRow } from '../contracts/jobs.ts';
import type { SessionRow } from '../contracts/rows.ts';
import { Transcript } from '../contracts/transcript.ts';
import { missingNotice } from '../contracts/without-text.ts';
import { iso } from '../time.ts';
import type { Mail, MailSettings, NoticeDeps, OwnerNoticeDeps } from './ports.ts';

const unsubscribe = (kind: keyof MailSettings): string => `To stop these emails: PUT /api/notifications {"${kind}": false}`;

/** `notice`: what the text begins with. */
function sessionMail(session: SessionRow, notice: string | undefined): Mail {
  const startedAt = iso(session.created_at_ms).slice(0, 16).replace('T', ' ');
  const name = session.title === undefined ? `Your recording of ${startedAt} UTC` : `"${session.title}" (${startedAt} UTC)`;
  const outcome =
    session.transcript_status === 'partial' ? 'is transcribed in part; some chunks are missing or failed' : 'is transcribed';
  return {
    subject: 'Your recording is transcribed',
    text: `${notice ? `${notice}\n\n` : ''}${name} ${outcome}.\n\nSession: ${session.session_id}\n\n${unsubscribe('sessionCompleted')}\n`,
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

/**
 * Sends a notice once, if its user has enabled this kind. Returns whether it was sent. A failed send is not repeated. `write` is
 * called only if it is to be sent.
 */
async function sendOnce(
  { mailer, notices, nowMs }: NoticeDeps,
  kind: keyof MailSettings,
  userId: string,
  noticeId: string,
  write: () => Promise<Mail> | Mail,
): Promise<boolean> {
  if (mailer === undefined || !(await notices.mailSettings(userId))[kind]) return false;
  const to = await mailer.addressOf(userId);
  if (to === undefined) return false;
  const mail = await write();
  if (!(await notices.claim(noticeId, nowMs()))) return false;
  await mailer.send(to, mail);
  return true;
}

/** What the mail of a session begins with if more than half of its recording is missing. */
async function noticeOf({ readTranscript }: OwnerNoticeDeps, session: SessionRow): Promise<string | undefined> {
  if (session.transcript_status !== 'partial') return undefined;
  const transcript: unknown = JSON.parse(await readTranscript(session));
  return missingNotice(Transcript.pick({ gaps: true, duration_seconds: true }).parse(transcript));
}

/** Emails the owner of a session, once per run, if this run has completed it. Returns whether an email was sent. */
export async function notifyOwner(deps: OwnerNoticeDeps, run: RunRow, session: SessionRow | undefined): Promise<boolean> {
  if (session?.state !== 'completed' || (session.transcript_written_at_ms ?? 0) < run.started_at_ms) return false;
  const write = async (): Promise<Mail> => sessionMail(session, await noticeOf(deps, session));
  return sendOnce(deps, 'sessionCompleted', session.user_id, `${run.id}#${session.session_id}`, write);
}

/** Emails the owner of a job once for each of its ends. Returns whether an email was sent. */
export async function notifyJobOwner(deps: NoticeDeps, job: JobRow): Promise<boolean> {
  if (job.status !== 'completed' && job.status !== 'failed') return false;
  return sendOnce(deps, 'fileCompleted', job.user_id, `${job.job_id}#${job.status}#${job.round}`, () => jobMail(job));
}
