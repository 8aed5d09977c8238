/** The one-time sign-in address that `npm start` prints: its code is exchanged for the demo user's tokens. */
import { signal } from '@preact/signals';
import * as z from 'zod';
import { goHome } from '../route.ts';
import { acceptTokens } from './session.ts';

const CODE = /^#code=([\w-]+)$/;
const Tokens = z.object({ access: z.string(), id: z.string(), refresh: z.string() });

/** Why the address did not sign the user in; undefined without an error. */
export const addressError = signal<string | undefined>(undefined);

/** Signs in when the page was opened with a one-time address. The code is removed from the address and the history before use. */
export async function signInByAddress(): Promise<void> {
  const [, code] = CODE.exec(location.hash) ?? [];
  if (code === undefined) return;
  goHome();
  try {
    const body = JSON.stringify({ code });
    const response = await fetch('sign-in', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    if (response.ok) await acceptTokens(Tokens.parse(await response.json()));
    else addressError.value = 'This sign-in address has already been used or has expired. Run npm start again for a new one.';
  } catch {
    addressError.value = 'Sign-in failed. Run npm start again for a new address.';
  }
}
