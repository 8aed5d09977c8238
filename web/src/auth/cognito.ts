/**
 * The Cognito API calls that sign a user in and out. They need no signature, so no SDK is loaded.
 * @see https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_InitiateAuth.html
 */
import * as z from 'zod';
import { config } from '../config.ts';

/** A failed sign-in. `kind` is the name of Cognito's exception; the message is shown to the user. */
export class SignInError extends Error {
  readonly kind: string;
  constructor(kind: string, message: string) {
    super(message);
    this.kind = kind;
  }
}

const WORDS: Readonly<Record<string, string>> = {
  NotAuthorizedException: 'The email address or the password is wrong.',
  UserNotFoundException: 'The email address or the password is wrong.',
  InvalidPasswordException: 'This password is too weak: at least 12 characters, with upper and lower case, a digit and a symbol.',
  CodeMismatchException: 'This code is wrong.',
  ExpiredCodeException: 'This code has expired. Request a new one.',
  LimitExceededException: 'Too many attempts. Wait a few minutes.',
  TooManyRequestsException: 'Too many attempts. Wait a few minutes.',
  PasswordResetRequiredException: 'This password must be reset. Choose "Forgot password".',
  UserNotConfirmedException: 'This account is not confirmed yet.',
};

const CognitoError = z.object({ __type: z.string().default('') });

async function callCognito(action: string, body: object): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(config().cognitoUrl, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': `AWSCognitoIdentityProviderService.${action}`,
      },
      body: JSON.stringify({ ClientId: config().clientId, ...body }),
    });
  } catch {
    throw new SignInError('offline', 'There is no connection.');
  }
  const result: unknown = await response.json().catch(() => ({}));
  if (response.ok) return result;
  const kind = (CognitoError.safeParse(result).data?.__type ?? '').split('#').at(-1) ?? '';
  throw new SignInError(response.status >= 500 ? 'offline' : kind, WORDS[kind] ?? 'Sign-in failed. Try again.');
}

export interface Tokens {
  readonly access: string;
  readonly id: string;
  /** Absent after a refresh: the previous refresh token stays valid. */
  readonly refresh?: string | undefined;
}
export type SignedIn =
  | { readonly kind: 'tokens'; readonly tokens: Tokens }
  | { readonly kind: 'new-password'; readonly session: string };

const SignInResult = z.object({
  AuthenticationResult: z
    .object({ AccessToken: z.string(), IdToken: z.string(), RefreshToken: z.string().optional() })
    .optional(),
  ChallengeName: z.string().optional(),
  Session: z.string().optional(),
});

function signedIn(response: unknown): SignedIn {
  const { AuthenticationResult: result, ChallengeName, Session } = SignInResult.parse(response);
  if (result !== undefined)
    return { kind: 'tokens', tokens: { access: result.AccessToken, id: result.IdToken, refresh: result.RefreshToken } };
  if (ChallengeName === 'NEW_PASSWORD_REQUIRED' && Session !== undefined) return { kind: 'new-password', session: Session };
  throw new SignInError('challenge', 'This account needs a sign-in method that these pages do not support.');
}

const initiate = async (AuthFlow: string, AuthParameters: object): Promise<SignedIn> =>
  signedIn(await callCognito('InitiateAuth', { AuthFlow, AuthParameters }));

export const signInWith = (email: string, password: string): Promise<SignedIn> =>
  initiate('USER_PASSWORD_AUTH', { USERNAME: email, PASSWORD: password });

export const refreshWith = (refresh: string): Promise<SignedIn> => initiate('REFRESH_TOKEN_AUTH', { REFRESH_TOKEN: refresh });

export const choosePassword = async (email: string, password: string, session: string): Promise<SignedIn> =>
  signedIn(
    await callCognito('RespondToAuthChallenge', {
      ChallengeName: 'NEW_PASSWORD_REQUIRED',
      Session: session,
      ChallengeResponses: { USERNAME: email, NEW_PASSWORD: password },
    }),
  );

export const sendResetCode = (email: string): Promise<unknown> => callCognito('ForgotPassword', { Username: email });
export const resetPassword = (email: string, code: string, password: string): Promise<unknown> =>
  callCognito('ConfirmForgotPassword', { Username: email, ConfirmationCode: code, Password: password });
/** Revokes the refresh token and all access tokens issued from it. */
export const revoke = (refresh: string): Promise<unknown> => callCognito('RevokeToken', { Token: refresh });
