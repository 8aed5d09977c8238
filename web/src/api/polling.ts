/** Polling with backoff: pauses grow, have jitter, and end at once when the network is back. */

const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      removeEventListener('online', finish);
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    addEventListener('online', finish);
    signal?.addEventListener('abort', finish);
    if (signal?.aborted) finish();
  });

export interface BackoffOptions {
  readonly firstMs: number;
  readonly longestMs: number;
  readonly factor: number;
}

/** Each `wait()` takes longer than the one before; `reset()` starts again with the first pause. */
export function backoff({ firstMs, longestMs, factor }: BackoffOptions) {
  let nextMs = firstMs;
  return {
    reset: (): void => {
      nextMs = firstMs;
    },
    /** `atLeastSeconds`: from the Retry-After header. */
    async wait(signal?: AbortSignal, atLeastSeconds = 0): Promise<void> {
      const ms = Math.max(1000 * atLeastSeconds, nextMs * (1 + Math.random() / 4));
      nextMs = Math.min(longestMs, nextMs * factor);
      await pause(ms, signal);
    },
  };
}

/** Pauses between two polls, which grow while nothing changes. */
export const POLLING: BackoffOptions = { firstMs: 2000, longestMs: 10_000, factor: 1.15 };
const UNCHANGED_LIMIT_MS = 30 * 60_000;

/** Result of one poll. A number means: no change, wait at least this many seconds. */
export type PollResult = 'over' | 'changed' | 'same' | number;

/**
 * Polls until `poll` returns `over` or the signal aborts. `changed` resets the pauses.
 * Resolves with `unchanged` when nothing has changed for half an hour.
 */
export async function follow(poll: () => Promise<PollResult>, signal: AbortSignal): Promise<'over' | 'unchanged'> {
  const pauses = backoff(POLLING);
  let changedMs = Date.now();
  while (!signal.aborted) {
    const result = await poll();
    if (result === 'over') return 'over';
    if (result === 'changed') {
      changedMs = Date.now();
      pauses.reset();
    }
    if (Date.now() - changedMs > UNCHANGED_LIMIT_MS) return 'unchanged';
    await pauses.wait(signal, typeof result === 'number' ? result : 0);
  }
  return 'over';
}
