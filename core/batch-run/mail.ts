/** "Your recording is transcribed", to people who asked for it, when a batch has completed a session of theirs. */
import type { RunRow } from '../contracts/batch.ts';
import type { SessionRow } from '../contracts/rows.ts';

export interface Mail {
  readonly subject: string;
  readonly text: string;
}

export interface Mailer {
  /** Undefined for somebody without a verified address. */
  addressOf(userId: string): Promise<string | undefined>;
  send(to: string, mail: Mail): Promise<void>;
}

/** Which ends a user is told of by mail. */
export interface Wishes {
  readonly sessionCompleted: boolean;
  readonly fileCompleted: boolean;
}

/** What people want to be told, and what they were told already. */
export interface NoticeStore {
  wants(userId: string): Promise<Wishes>;
  setWants(userId: string, wishes: Wishes): Promise<void>;
  /** True for the first who asks: nobody is told twice. */
  claim(noticeId: string, nowMs: number): Promise<boolean>;
}

export interface NoticeDeps {
  readonly notices: NoticeStore;
  /** Undefined on a stage that sends no mail. */
  readonly mailer?: Mailer | undefined;
  readonly nowMs: () => number;
}

/** What they said is theirs: the mail has none of it. */
function completedMail(session: SessionRow): Mail {
  const begun = new Date(session.created_at_ms).toISOString().slice(0, 16).replace('T', ' ');
  const name = session.title === undefined ? `Your recording of ${begun} UTC` : `"${session.title}" (${begun} UTC)`;
  const whole = session.transcript_status === 'partial' ? 'is transcribed, as far as its audio arrived' : 'is transcribed';
  return {
    subject: 'Your recording is transcribed',
    text: `${name} ${whole}.\n\nSession: ${session.session_id}\n\nYou asked for this mail; PUT /api/notifications {"sessionCompleted": false} ends it.\n`,
  };
}

/** Tells the owner, once a run, if this run has completed the session and they want to know. */
export async function tellOwner(deps: NoticeDeps, run: RunRow, session: SessionRow | undefined): Promise<boolean> {
  const { mailer, notices, nowMs } = deps;
  if (mailer === undefined || session?.state !== 'completed') return false;
  if ((session.transcript_written_at_ms ?? 0) < run.started_at_ms || !(await notices.wants(session.user_id)).sessionCompleted)
    return false;
  const to = await mailer.addressOf(session.user_id);
  const noticeId = `${run.id}#${session.session_id}`;
  if (to === undefined || !(await notices.claim(noticeId, nowMs()))) return false;
  await mailer.send(to, completedMail(session));
  return true;
}
