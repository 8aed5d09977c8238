/** While somebody records, the batch waits: the session's lock, renewed every minute. A call that fails disturbs nobody. */
import { ApiError, callLast, tell } from '../api/client.ts';

const RENEW_MS = 60_000;

/** Answers how to let go of it. */
export function holdLock(sessionId: string): () => void {
  const lock = (): void => {
    tell('POST', '/api/batch/lock', { sessionId }).catch((error: unknown) => {
      if (error instanceof ApiError && error.code === 'not-recording') release();
    });
  };
  const leave = (): void => callLast('POST', '/api/batch/unlock', { sessionId });
  const comeBack = ({ persisted }: PageTransitionEvent): void => {
    if (persisted) lock();
  };
  const renewing = setInterval(lock, RENEW_MS);
  addEventListener('pagehide', leave);
  addEventListener('pageshow', comeBack);
  const release = (): void => {
    clearInterval(renewing);
    removeEventListener('pagehide', leave);
    removeEventListener('pageshow', comeBack);
  };
  lock();
  return release;
}
