/**
 * The signed-in user and the tokens for the API.
 *
 * States of `user`: undefined (not restored yet) -> a user <-> null (signed out). The access token is only in this module's
 * memory; the refresh token and the user are stored encrypted (vault.ts).
 * Gotcha: if Cognito rejects the refresh token, the user is signed out. Without a connection the user stays signed in, so that
 * recording continues.
 */
import { signal } from '@preact/signals';
import * as z from 'zod';
import { refreshWith, revoke, SignInError, type Tokens } from './cognito.ts';
import { deleteSignIn, type StoredSignIn, storedSignIn, storeSignIn } from './vault.ts';

export interface User {
  readonly userId: string;
  readonly email: string;
  readonly isAdmin: boolean;
}
/** Undefined until the stored sign-in is read; null when no user is signed in. */
export const user = signal<User | null | undefined>(undefined);

/** The access token is refreshed this long before it expires. */
const REFRESH_EARLY_SECONDS = 120;

let access: { readonly token: string; readonly untilMs: number } | undefined;
let refresh: string | undefined;
let refreshing: Promise<string> | undefined;

const Claims = z.object({
  sub: z.string(),
  exp: z.number(),
  email: z.string().default(''),
  'cognito:groups': z.array(z.string()).default([]),
});
const claimsOf = (token: string): z.infer<typeof Claims> => {
  const bytes = Uint8Array.from(atob((token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
  return Claims.parse(JSON.parse(new TextDecoder().decode(bytes)));
};

/** Stores new tokens from Cognito and sets `user`. */
export async function acceptTokens(tokens: Tokens): Promise<void> {
  const { exp, sub, 'cognito:groups': groups } = claimsOf(tokens.access);
  access = { token: tokens.access, untilMs: 1000 * (exp - REFRESH_EARLY_SECONDS) };
  refresh = tokens.refresh ?? refresh;
  const signedIn: User = { userId: sub, email: claimsOf(tokens.id).email, isAdmin: groups.includes('admin') };
  // Stored before the pages are shown, so that a reload keeps the user signed in. Without storage the user signs in each time.
  if (refresh !== undefined) await storeSignIn({ refresh, ...signedIn }).catch(() => undefined);
  if (JSON.stringify(user.value) !== JSON.stringify(signedIn)) user.value = signedIn;
}

/** Restores the last sign-in when the page starts. Needs no connection. */
export async function restoreSignIn(): Promise<void> {
  const last: StoredSignIn | undefined = await storedSignIn();
  if (last === undefined) {
    user.value = null;
    return;
  }
  refresh = last.refresh;
  user.value = { userId: last.userId, email: last.email, isAdmin: last.isAdmin };
}

async function refreshed(): Promise<string> {
  if (refresh === undefined) throw new SignInError('signed-out', 'You are signed out.');
  try {
    const result = await refreshWith(refresh);
    if (result.kind !== 'tokens') throw new SignInError('signed-out', 'Sign in again.');
    await acceptTokens(result.tokens);
    return result.tokens.access;
  } catch (error) {
    // Without a connection the user stays signed in, so that recording continues.
    if (!(error instanceof SignInError && error.kind === 'offline')) await clearSignIn();
    throw error;
  }
}

/** Returns a valid access token. `isRejected`: the API has rejected the current one. @throws SignInError */
export async function accessToken(isRejected = false): Promise<string> {
  if (!isRejected && access !== undefined && access.untilMs > Date.now()) return access.token;
  refreshing ??= refreshed().finally(() => {
    refreshing = undefined;
  });
  return refreshing;
}
/** The current access token, without a refresh; for requests while the page is being unloaded. */
export const cachedToken = (): string | undefined => access?.token;

async function clearSignIn(): Promise<void> {
  access = undefined;
  refresh = undefined;
  user.value = null;
  await deleteSignIn().catch(() => undefined);
}

export async function signOut(): Promise<void> {
  const revoked = refresh;
  await clearSignIn();
  if (revoked !== undefined) await revoke(revoked).catch(() => undefined);
}
