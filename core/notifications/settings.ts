import { DomainError } from '../errors.ts';
import type { MailSettings, NoticeStore } from './ports.ts';

/** Stores of the settings, and whether the stage sends mail. */
export interface MailSettingsDeps {
  readonly notices: Pick<NoticeStore, 'mailSettings' | 'setMailSettings'>;
  readonly canMail: boolean;
}

/**
 * Changes which emails a user gets; absent fields stay unchanged. Returns all settings.
 * @throws DomainError `invalid` if the user wants mail and the stage sends none
 */
export async function changeMailSettings(
  { notices, canMail }: MailSettingsDeps,
  userId: string,
  change: Partial<MailSettings>,
): Promise<MailSettings> {
  const settings = { ...(await notices.mailSettings(userId)), ...change };
  const wantsMail = settings.sessionCompleted || settings.fileCompleted;
  if (wantsMail && !canMail) throw new DomainError('invalid', 'this stage sends no emails');
  await notices.setMailSettings(userId, settings);
  return settings;
}
