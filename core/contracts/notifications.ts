/** Mail to users: their settings, and the emails that were sent. */
import * as z from 'zod';

/** Which emails a user gets. */
export const Notifications = z.strictObject({
  sessionCompleted: z.boolean().meta({ description: 'Send an email when the batch has completed one of your sessions.' }),
  fileCompleted: z.boolean().meta({ description: 'Send an email when one of your files is transcribed or has failed.' }),
});
/** A change of these settings; absent fields stay unchanged. */
export const ChangeNotifications = Notifications.partial();

/** Stored form of the settings, in the batch table. `wants` is the stored name of this kind. */
export const MailSettingsRow = z.object({
  kind: z.literal('wants'),
  id: z.string(),
  session_completed: z.boolean(),
  file_completed: z.boolean().optional(),
});
export type MailSettingsRow = z.infer<typeof MailSettingsRow>;

/** Marks an email as sent, so that it is sent once; expires after some days. */
export const NoticeRow = z.object({ kind: z.literal('notice'), id: z.string(), expires_at_s: z.number().int() });
export type NoticeRow = z.infer<typeof NoticeRow>;
