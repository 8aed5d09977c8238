import { setTimeout as wait } from 'node:timers/promises';

const POLL_MS = 100;
/** Multiplies all deadlines. `npm test` sets it, because its levels share the machine. */
const PATIENCE = Number(process.env['CHUNKSCRIBE_PATIENCE'] ?? 1);

/** Calls `check` until it returns a truthy value. @throws Error that names `what`, after the timeout */
export async function poll<T>(
  what: string,
  seconds: number,
  check: () => Promise<T>,
  everyMs = POLL_MS,
): Promise<NonNullable<T>> {
  const deadlineMs = Date.now() + PATIENCE * seconds * 1000;
  for (;;) {
    const result = await check();
    if (result) return result;
    if (Date.now() > deadlineMs) throw new Error(`timed out after ${PATIENCE * seconds} s while waiting for ${what}`);
    await wait(everyMs);
  }
}
