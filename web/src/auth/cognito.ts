/**
 * The few calls of Cognito's own API that sign a person in and out. They need no signature, so no SDK is loaded for them.
 * @see https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_InitiateAuth.html
 */
import * as z from 'zod';
import { config } from '../config.ts';

/** Cognito refused; `kind` is its exception's name, the message is for people. */
export class SignInError extends Error {
  readonly kind: string;
  constructor(kind: string, message: string) {
    super(message);
    this.kind = kind;
  }
}

const WORDS: Readonly<Record<string, string>> = {
  NotAuthorizedException: 'The email address or the password is not right.',
  UserNotFoundException: 'The email address or the password is not right.',
  InvalidPasswordException: 'This password is too weak: at least 12 characters, with upper and lower case, a digit and a symbol.',
  CodeMismatchException: 'This code is not right.',
  ExpiredCodeException: 'This code is too old. Ask for a new one.',
  LimitExceededException: 'Too many attempts. Wait some minutes.',
  TooManyRequestsException: 'Too many attempts. Wait some minutes.',
  PasswordResetRequiredException: 'This password must be set anew: choose "Forgot password".',
  UserNotConfirmedException: 'This account is not confirmed yet.',
};

const Refusal = z.object({ __type: z.string().default('') });

async function ask(action: string, body: object): Promise<unknown> {
  let answer: Response;
  try {
    answer = await fetch(config().cognitoUrl, {
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
  const said: unknown = await answer.json().catch(() => ({}));
  if (answer.ok) return said;
  const kind = (Refusal.safeParse(said).data?.__type ?? '').split('#').at(-1) ?? '';
  throw new SignInError(answer.status >= 500 ? 'offline' : kind, WORDS[kind] ?? 'Signing in did not work. Try again.');
}

export interface Tokens {
  readonly access: string;
  readonly id: string;
  /** Absent from a refresh: the old one goes on. */
  readonly refresh?: string | undefined;
}
export type SignedIn =
  | { readonly kind: 'tokens'; readonly tokens: Tokens }
  | { readonly kind: 'new-password'; readonly session: string };

const Answer = z.object({
  AuthenticationResult: z
    .object({ AccessToken: z.string(), IdToken: z.string(), RefreshToken: z.string().optional() })
    .optional(),
  ChallengeName: z.string().optional(),
  Session: z.string().optional(),
});

function signedIn(said: unknown): SignedIn {
  const { AuthenticationResult: result, ChallengeName, Session } = Answer.parse(said);
  if (result !== undefined)
    return { kind: 'tokens', tokens: { access: result.AccessToken, id: result.IdToken, refresh: result.RefreshToken } };
  if (ChallengeName === 'NEW_PASSWORD_REQUIRED' && Session !== undefined) return { kind: 'new-password', session: Session };
  throw new SignInError('challenge', 'This account needs a way of signing in that these pages do not have.');
}

const initiate = async (AuthFlow: string, AuthParameters: object): Promise<SignedIn> =>
  signedIn(await ask('InitiateAuth', { AuthFlow, AuthParameters }));

export const signInWith = (email: string, password: string): Promise<SignedIn> =>
  initiate('USER_PASSWORD_AUTH', { USERNAME: email, PASSWORD: password });

export const refreshWith = (refresh: string): Promise<SignedIn> => initiate('REFRESH_TOKEN_AUTH', { REFRESH_TOKEN: refresh });

export const choosePassword = async (email: string, password: string, session: string): Promise<SignedIn> =>
  signedIn(
    await ask('RespondToAuthChallenge', {
      ChallengeName: 'NEW_PASSWORD_REQUIRED',
      Session: session,
      ChallengeResponses: { USERNAME: email, NEW_PASSWORD: password },
    }),
  );

export const sendResetCode = (email: string): Promise<unknown> => ask('ForgotPassword', { Username: email });
export const resetPassword = (email: string, code: string, password: string): Promise<unknown> =>
  ask('ConfirmForgotPassword', { Username: email, ConfirmationCode: code, Password: password });
/** Ends the refresh token, and with it every token that it could have made. */
export const revoke = (refresh: string): Promise<unknown> => ask('RevokeToken', { Token: refresh });
