/** Waiting: pauses that grow, with some chance in them, and end at once when the network is back. */

const wait = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      removeEventListener('online', done);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener('online', done);
    signal?.addEventListener('abort', done);
    if (signal?.aborted) done();
  });

export interface Pauses {
  readonly firstMs: number;
  readonly longestMs: number;
  readonly factor: number;
}

/** The next pause each time; `again()` begins anew. */
export function pauses({ firstMs, longestMs, factor }: Pauses) {
  let nextMs = firstMs;
  return {
    again: (): void => {
      nextMs = firstMs;
    },
    /** Waits; at least so many seconds, where the server has said so. */
    async pass(signal?: AbortSignal, atLeastSeconds = 0): Promise<void> {
      const ms = Math.max(1000 * atLeastSeconds, nextMs * (1 + Math.random() / 4));
      nextMs = Math.min(longestMs, nextMs * factor);
      await wait(ms, signal);
    },
  };
}

/** What is looked at every 2 s, more rarely while nothing changes, and not for ever. */
const POLLING: Pauses = { firstMs: 2000, longestMs: 10_000, factor: 1.15 };
const UNCHANGED_LIMIT_MS = 30 * 60_000;

/** Asks again and again until `ask` says that it is over; `changed` begins the short pauses anew. Resolves with whether it came to an end. */
export async function follow(ask: () => Promise<'over' | 'changed' | 'same'>, signal: AbortSignal): Promise<'over' | 'gave-up'> {
  const pause = pauses(POLLING);
  let changedMs = Date.now();
  while (!signal.aborted) {
    const answer = await ask();
    if (answer === 'over') return 'over';
    if (answer === 'changed') {
      changedMs = Date.now();
      pause.again();
    }
    if (Date.now() - changedMs > UNCHANGED_LIMIT_MS) return 'gave-up';
    await pause.pass(signal);
  }
  return 'over';
}
