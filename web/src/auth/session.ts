/** Who is signed in, and the token for the API. The access token lives in this module only and dies with the page. */
import { signal } from '@preact/signals';
import * as z from 'zod';
import { refreshWith, revoke, SignInError, type Tokens } from './cognito.ts';
import { forget, type Kept, keep, kept } from './vault.ts';

export interface User {
  readonly userId: string;
  readonly email: string;
  readonly isAdmin: boolean;
}
/** Undefined while nobody knows yet, null when nobody is signed in. */
export const user = signal<User | null | undefined>(undefined);

/** Seconds before its end at which a token is replaced. */
const EARLY_SECONDS = 120;

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

/** Takes tokens that Cognito has just given. */
export async function take(tokens: Tokens): Promise<void> {
  const { exp, sub, 'cognito:groups': groups } = claimsOf(tokens.access);
  access = { token: tokens.access, untilMs: 1000 * (exp - EARLY_SECONDS) };
  refresh = tokens.refresh ?? refresh;
  const who: User = { userId: sub, email: claimsOf(tokens.id).email, isAdmin: groups.includes('admin') };
  // Kept first: whoever sees the pages is still signed in after a reload. A browser that keeps nothing signs in each time.
  if (refresh !== undefined) await keep({ refresh, ...who }).catch(() => undefined);
  if (JSON.stringify(user.value) !== JSON.stringify(who)) user.value = who;
}

/** At the start of the page: whoever was signed in last, also without a connection. */
export async function resume(): Promise<void> {
  const last: Kept | undefined = await kept();
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
    const answer = await refreshWith(refresh);
    if (answer.kind !== 'tokens') throw new SignInError('signed-out', 'Sign in again.');
    await take(answer.tokens);
    return answer.tokens.access;
  } catch (error) {
    // Without a connection one stays who one is: recording goes on.
    if (!(error instanceof SignInError && error.kind === 'offline')) await leave();
    throw error;
  }
}

/** A token that is still good; `isRefused`: the last one was not taken. @throws SignInError */
export async function accessToken(isRefused = false): Promise<string> {
  if (!isRefused && access !== undefined && access.untilMs > Date.now()) return access.token;
  refreshing ??= refreshed().finally(() => {
    refreshing = undefined;
  });
  return refreshing;
}
/** The token at hand, for what is sent while the page goes away. */
export const tokenAtHand = (): string | undefined => access?.token;

async function leave(): Promise<void> {
  access = undefined;
  refresh = undefined;
  user.value = null;
  await forget().catch(() => undefined);
}

export async function signOut(): Promise<void> {
  const ending = refresh;
  await leave();
  if (ending !== undefined) await revoke(ending).catch(() => undefined);
}
