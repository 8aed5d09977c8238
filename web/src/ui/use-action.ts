import { useCallback, useState } from 'preact/hooks';
import { errorMessage } from '../api/client.ts';

/** Runs an action of the user, then `done`. */
type Run = (work: () => Promise<unknown>, done: () => void) => void;

/** Runs actions, and keeps the message of the last one if it failed; empty otherwise. */
export function useAction(): { readonly failure: string; readonly run: Run } {
  const [failure, setFailure] = useState('');
  const run: Run = useCallback((work, done) => {
    setFailure('');
    work().then(done, (error: unknown) => setFailure(errorMessage(error)));
  }, []);
  return { failure, run };
}
