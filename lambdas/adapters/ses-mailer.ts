import {
  AdminGetUserCommand,
  type CognitoIdentityProviderClient,
  UserNotFoundException,
} from '@aws-sdk/client-cognito-identity-provider';
import { type SESv2Client, SendEmailCommand } from '@aws-sdk/client-sesv2';
import type { Mailer } from '../../core/batch-run/mail.ts';

/** Sends emails through SES to verified addresses. Access tokens contain no address, so it is read from the user pool. */
export const sesMailer = (
  ses: SESv2Client,
  cognito: CognitoIdentityProviderClient,
  { from, userPoolId }: { readonly from: string; readonly userPoolId: string },
): Mailer => ({
  async addressOf(userId) {
    try {
      const user = await cognito.send(new AdminGetUserCommand({ UserPoolId: userPoolId, Username: userId }));
      const attributes = new Map((user.UserAttributes ?? []).map(({ Name = '', Value }) => [Name, Value]));
      return attributes.get('email_verified') === 'true' ? attributes.get('email') : undefined;
    } catch (error) {
      if (error instanceof UserNotFoundException) return undefined;
      throw error;
    }
  },

  async send(to, { subject, text }) {
    await ses.send(
      new SendEmailCommand({
        FromEmailAddress: from,
        Destination: { ToAddresses: [to] },
        Content: { Simple: { Subject: { Data: subject }, Body: { Text: { Data: text } } } },
      }),
    );
  },
});
