import type * as z from 'zod';
import type { Notifications } from '../contracts/notifications.ts';
import type { SessionRow } from '../contracts/rows.ts';

/** An email in plain text. */
export interface Mail {
  readonly subject: string;
  readonly text: string;
}

/** Sends emails to users. */
export interface Mailer {
  /** Undefined for a user without a verified address. */
  addressOf(userId: string): Promise<string | undefined>;
  send(to: string, mail: Mail): Promise<void>;
}

/** The emails that a user has enabled. */
export type MailSettings = Readonly<z.infer<typeof Notifications>>;

/** Mail settings of users, and the notices that were sent. */
export interface NoticeStore {
  mailSettings(userId: string): Promise<MailSettings>;
  setMailSettings(userId: string, settings: MailSettings): Promise<void>;
  /** True for the first call with this id, so that each notice is sent once. */
  claim(noticeId: string, nowMs: number): Promise<boolean>;
}

/** Dependencies of sending notices. */
export interface NoticeDeps {
  readonly notices: NoticeStore;
  /** Undefined on a stage that sends no emails. */
  readonly mailer?: Mailer | undefined;
  readonly nowMs: () => number;
}

export interface OwnerNoticeDeps extends NoticeDeps {
  /** The JSON of a session's stored transcript. */
  readonly readTranscript: (session: SessionRow) => Promise<string>;
}
