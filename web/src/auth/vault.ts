/**
 * Keeps who is signed in over reloads: encrypted, with a key of this browser that no script can read out (docs/adr/0010-pages.md).
 * The access token is not kept at all.
 */
import { openDB } from 'idb';
import * as z from 'zod';

const Kept = z.object({ refresh: z.string(), userId: z.string(), email: z.string(), isAdmin: z.boolean() });
export type Kept = z.infer<typeof Kept>;

const ALGORITHM = 'AES-GCM';
const open = () =>
  openDB('chunkscribe-sign-in', 1, {
    upgrade: (db) => void db.createObjectStore('kept'),
  });

/** Two tabs that start at once get the same key: the first one that is stored counts. */
async function key(): Promise<CryptoKey> {
  const made = await crypto.subtle.generateKey({ name: ALGORITHM, length: 256 }, false, ['encrypt', 'decrypt']);
  const db = await open();
  const tx = db.transaction('kept', 'readwrite');
  const known: unknown = await tx.store.get('key');
  if (!(known instanceof CryptoKey)) await tx.store.put(made, 'key');
  await tx.done;
  db.close();
  return known instanceof CryptoKey ? known : made;
}

export async function keep(kept: Kept): Promise<void> {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const sealed = await crypto.subtle.encrypt(
    { name: ALGORITHM, iv },
    await key(),
    new TextEncoder().encode(JSON.stringify(kept)),
  );
  const db = await open();
  await db.put('kept', { iv, sealed }, 'who');
  db.close();
}

const Sealed = z.object({ iv: z.instanceof(Uint8Array<ArrayBuffer>), sealed: z.instanceof(ArrayBuffer) });

/** Undefined when nobody is signed in, or what is there cannot be read. */
export async function kept(): Promise<Kept | undefined> {
  try {
    const db = await open();
    const found = Sealed.safeParse(await db.get('kept', 'who'));
    db.close();
    if (!found.success) return undefined;
    const text = await crypto.subtle.decrypt({ name: ALGORITHM, iv: found.data.iv }, await key(), found.data.sealed);
    return Kept.parse(JSON.parse(new TextDecoder().decode(text)));
  } catch {
    return undefined;
  }
}

export async function forget(): Promise<void> {
  const db = await open();
  await db.clear('kept');
  db.close();
}
