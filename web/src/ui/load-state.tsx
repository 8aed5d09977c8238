import { Failed, Loading, NOTHING_NEW } from './parts.tsx';
import type { Loaded } from './use-loaded.ts';

interface LoadStateProps {
  readonly loaded: Loaded<unknown>;
  /** What is loading, such as `The list`. Without it, nothing is shown while the first value is loading. */
  readonly what?: string;
}

/** Shows that a value is loading, could not be loaded, or is no longer refreshed. */
export function LoadState({ loaded: { value, error, hasStopped, reload }, what }: LoadStateProps) {
  const retry = (): void => void reload();
  return (
    <>
      {hasStopped && <Failed what={NOTHING_NEW} retry={retry} />}
      {error && <Failed what={error} retry={retry} />}
      {what && value === undefined && !error && <Loading what={what} />}
    </>
  );
}
