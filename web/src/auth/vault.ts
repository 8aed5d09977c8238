/**
 * Stores the signed-in user and the refresh token across reloads, encrypted with a non-extractable key (docs/adr/0010-pages.md).
 * The access token is not stored.
 */
import { openDB } from 'idb';
import * as z from 'zod';

const StoredSignIn = z.object({ refresh: z.string(), userId: z.string(), email: z.string(), isAdmin: z.boolean() });
export type StoredSignIn = z.infer<typeof StoredSignIn>;

const ALGORITHM = 'AES-GCM';
const open = () =>
  openDB('chunkscribe-sign-in', 1, {
    upgrade: (db) => void db.createObjectStore('kept'),
  });

/** Returns the stored key, or creates it. The transaction gives two tabs that start at once the same key. */
async function key(): Promise<CryptoKey> {
  const created = await crypto.subtle.generateKey({ name: ALGORITHM, length: 256 }, false, ['encrypt', 'decrypt']);
  const db = await open();
  const tx = db.transaction('kept', 'readwrite');
  const existing: unknown = await tx.store.get('key');
  if (!(existing instanceof CryptoKey)) await tx.store.put(created, 'key');
  await tx.done;
  db.close();
  return existing instanceof CryptoKey ? existing : created;
}

export async function storeSignIn(signIn: StoredSignIn): Promise<void> {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const sealed = await crypto.subtle.encrypt(
    { name: ALGORITHM, iv },
    await key(),
    new TextEncoder().encode(JSON.stringify(signIn)),
  );
  const db = await open();
  await db.put('kept', { iv, sealed }, 'who');
  db.close();
}

const Sealed = z.object({ iv: z.instanceof(Uint8Array<ArrayBuffer>), sealed: z.instanceof(ArrayBuffer) });

/** Undefined when no user is signed in or the stored data cannot be decrypted. */
export async function storedSignIn(): Promise<StoredSignIn | undefined> {
  try {
    const db = await open();
    const found = Sealed.safeParse(await db.get('kept', 'who'));
    db.close();
    if (!found.success) return undefined;
    const text = await crypto.subtle.decrypt({ name: ALGORITHM, iv: found.data.iv }, await key(), found.data.sealed);
    return StoredSignIn.parse(JSON.parse(new TextDecoder().decode(text)));
  } catch {
    return undefined;
  }
}

export async function deleteSignIn(): Promise<void> {
  const db = await open();
  await db.clear('kept');
  db.close();
}
