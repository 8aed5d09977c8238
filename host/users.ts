/** Users of the local host: made and signed in through Cognito's own API, as on AWS. */
import {
  AdminAddUserToGroupCommand,
  AdminCreateUserCommand,
  AdminSetUserPasswordCommand,
  CognitoIdentityProviderClient,
  InitiateAuthCommand,
  UsernameExistsException,
} from '@aws-sdk/client-cognito-identity-provider';

export interface Pool {
  readonly endpoint: string;
  readonly userPoolId: string;
  readonly clientId: string;
}
export interface Tokens {
  readonly access: string;
  readonly id: string;
}

/** The demo user of a machine that nobody else can reach. */
export const DEMO_USER = { email: 'demo@example.com', password: 'Demo-password-1!' };

/** Signs the user in, making the account first when it is not there. */
export async function signIn(
  pool: Pool,
  { email, password }: { email: string; password: string },
  group?: string,
): Promise<Tokens> {
  const cognito = new CognitoIdentityProviderClient({ endpoint: pool.endpoint });
  const user = { UserPoolId: pool.userPoolId, Username: email };
  try {
    const UserAttributes = [
      { Name: 'email', Value: email },
      { Name: 'email_verified', Value: 'true' },
    ];
    await cognito.send(new AdminCreateUserCommand({ ...user, MessageAction: 'SUPPRESS', UserAttributes }));
    await cognito.send(new AdminSetUserPasswordCommand({ ...user, Password: password, Permanent: true }));
  } catch (error) {
    if (!(error instanceof UsernameExistsException)) throw error;
  }
  if (group !== undefined) await cognito.send(new AdminAddUserToGroupCommand({ ...user, GroupName: group }));
  const { AuthenticationResult: result } = await cognito.send(
    new InitiateAuthCommand({
      ClientId: pool.clientId,
      AuthFlow: 'USER_PASSWORD_AUTH',
      AuthParameters: { USERNAME: email, PASSWORD: password },
    }),
  );
  if (result?.AccessToken === undefined || result.IdToken === undefined) throw new Error(`${email} could not sign in`);
  return { access: result.AccessToken, id: result.IdToken };
}
