/** Emails the owners of sessions that a batch run has completed, if they have enabled these emails. */
import type { RunRow } from '../contracts/batch.ts';
import type { SessionRow } from '../contracts/rows.ts';

export interface Mail {
  readonly subject: string;
  readonly text: string;
}

export interface Mailer {
  /** Undefined for a user without a verified address. */
  addressOf(userId: string): Promise<string | undefined>;
  send(to: string, mail: Mail): Promise<void>;
}

/** The emails that a user has enabled. */
export interface MailSettings {
  readonly sessionCompleted: boolean;
  readonly fileCompleted: boolean;
}

/** Email preferences of users, and the notices that were sent. */
export interface NoticeStore {
  mailSettings(userId: string): Promise<MailSettings>;
  setMailSettings(userId: string, settings: MailSettings): Promise<void>;
  /** True for the first call with this id, so that each notice is sent once. */
  claim(noticeId: string, nowMs: number): Promise<boolean>;
}

export interface NoticeDeps {
  readonly notices: NoticeStore;
  /** Undefined on a stage that sends no emails. */
  readonly mailer?: Mailer | undefined;
  readonly nowMs: () => number;
}

const UNSUBSCRIBE = 'To stop these emails: PUT /api/notifications {"sessionCompleted": false}';

/** The email contains no transcript text. */
function completedMail(session: SessionRow): Mail {
  const startedAt = new Date(session.created_at_ms).toISOString().slice(0, 16).replace('T', ' ');
  const name = session.title === undefined ? `Your recording of ${startedAt} UTC` : `"${session.title}" (${startedAt} UTC)`;
  const outcome =
    session.transcript_status === 'partial' ? 'is transcribed in part; some chunks are missing or failed' : 'is transcribed';
  return {
    subject: 'Your recording is transcribed',
    text: `${name} ${outcome}.\n\nSession: ${session.session_id}\n\n${UNSUBSCRIBE}\n`,
  };
}

/** Emails the owner, once per run, if this run has completed the session. A failed send is not repeated. */
export async function notifyOwner(deps: NoticeDeps, run: RunRow, session: SessionRow | undefined): Promise<boolean> {
  const { mailer, notices, nowMs } = deps;
  if (mailer === undefined || session?.state !== 'completed') return false;
  if (
    (session.transcript_written_at_ms ?? 0) < run.started_at_ms ||
    !(await notices.mailSettings(session.user_id)).sessionCompleted
  )
    return false;
  const to = await mailer.addressOf(session.user_id);
  const noticeId = `${run.id}#${session.session_id}`;
  if (to === undefined || !(await notices.claim(noticeId, nowMs()))) return false;
  await mailer.send(to, completedMail(session));
  return true;
}
