/**
 * Holds the batch lock of a session while it is recorded, so that the batch does not run meanwhile.
 *
 * The lock is renewed every minute, released when the user leaves the page, and locked again when the browser restores the page.
 * Failed calls are ignored, because each uploaded chunk renews the lock too.
 */
import { requestOf } from '../../../core/contracts/calls/client.ts';
import { ApiError, api, sendOnUnload } from '../api/client.ts';

export const RENEW_MS = 60_000;

/** Returns a function that stops renewing. */
export function holdLock(sessionId: string): () => void {
  const lock = (): void => {
    api('POST /api/batch/lock', { body: { sessionId } }).catch((error: unknown) => {
      if (error instanceof ApiError && error.code === 'not-recording') release();
    });
  };
  const unlock = (): void => sendOnUnload(requestOf('POST /api/batch/unlock', { body: { sessionId } }));
  const restore = ({ persisted }: PageTransitionEvent): void => {
    if (persisted) lock();
  };
  const renewing = setInterval(lock, RENEW_MS);
  addEventListener('pagehide', unlock);
  addEventListener('pageshow', restore);
  const release = (): void => {
    clearInterval(renewing);
    removeEventListener('pagehide', unlock);
    removeEventListener('pageshow', restore);
  };
  lock();
  return release;
}
