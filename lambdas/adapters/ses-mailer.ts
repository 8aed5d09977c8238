import {
  AdminGetUserCommand,
  CognitoIdentityProviderClient,
  UserNotFoundException,
} from '@aws-sdk/client-cognito-identity-provider';
import { SESv2Client, SendEmailCommand } from '@aws-sdk/client-sesv2';
import type { FunctionEnv } from '../../core/contracts/env.ts';
import type { Mailer } from '../../core/notifications/ports.ts';

/** Sends emails through SES to verified addresses. Access tokens contain no address, so it is read from the user pool. */
const sesMailer = (
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

/** The mailer of the stage; undefined if it sends no emails. */
export const awsMailer = (env: Pick<FunctionEnv, 'MAIL_FROM' | 'USER_POOL_ID'>): Mailer | undefined =>
  env.MAIL_FROM === ''
    ? undefined
    : sesMailer(new SESv2Client(), new CognitoIdentityProviderClient(), { from: env.MAIL_FROM, userPoolId: env.USER_POOL_ID });
