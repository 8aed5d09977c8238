/** Creates and signs in users through the Cognito API. */
import {
  AdminAddUserToGroupCommand,
  AdminCreateUserCommand,
  AdminSetUserPasswordCommand,
  CognitoIdentityProviderClient,
  InitiateAuthCommand,
  UsernameExistsException,
} from '@aws-sdk/client-cognito-identity-provider';

export interface Pool {
  /** Of an emulator. @default AWS's, or AWS_ENDPOINT_URL */
  readonly endpoint?: string;
  readonly userPoolId: string;
  readonly clientId: string;
}
export interface Tokens {
  readonly access: string;
  readonly id: string;
  readonly refresh: string;
}

/** Creates the user if necessary, sets the password and signs in. @param group group to add the user to */
export async function signIn(
  pool: Pool,
  { email, password }: { email: string; password: string },
  group?: string,
): Promise<Tokens> {
  const cognito = new CognitoIdentityProviderClient(pool.endpoint === undefined ? {} : { endpoint: pool.endpoint });
  const user = { UserPoolId: pool.userPoolId, Username: email };
  try {
    const UserAttributes = [
      { Name: 'email', Value: email },
      { Name: 'email_verified', Value: 'true' },
    ];
    await cognito.send(new AdminCreateUserCommand({ ...user, MessageAction: 'SUPPRESS', UserAttributes }));
  } catch (error) {
    if (!(error instanceof UsernameExistsException)) throw error;
  }
  await cognito.send(new AdminSetUserPasswordCommand({ ...user, Password: password, Permanent: true }));
  if (group !== undefined) await cognito.send(new AdminAddUserToGroupCommand({ ...user, GroupName: group }));
  const { AuthenticationResult: result } = await cognito.send(
    new InitiateAuthCommand({
      ClientId: pool.clientId,
      AuthFlow: 'USER_PASSWORD_AUTH',
      AuthParameters: { USERNAME: email, PASSWORD: password },
    }),
  );
  const { AccessToken: access, IdToken: id, RefreshToken: refresh } = result ?? {};
  if (access === undefined || id === undefined || refresh === undefined) throw new Error(`${email} could not sign in`);
  return { access, id, refresh };
}
