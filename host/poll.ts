import { setTimeout as wait } from 'node:timers/promises';

const POLL_MS = 100;

/** Asks until there is a truthy answer. @throws Error that names what did not come in time */
export async function poll<T>(what: string, seconds: number, ask: () => Promise<T>, everyMs = POLL_MS): Promise<NonNullable<T>> {
  const deadlineMs = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > deadlineMs) throw new Error(`${what} did not come within ${seconds} s`);
    await wait(everyMs);
  }
}
