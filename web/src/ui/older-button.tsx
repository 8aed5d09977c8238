import { Failed } from './parts.tsx';
import type { WithOlder } from './use-older.ts';

type OlderButtonProps = Pick<WithOlder<{ readonly id: string }>, 'error' | 'hasMore' | 'more'> & { readonly label: string };

/** The button that loads the next older page of a list, if there is one, and the error of the last attempt. */
export const OlderButton = ({ error, hasMore, more, label }: OlderButtonProps) => (
  <>
    {error && <Failed what={error} />}
    {hasMore && (
      <button type="button" class="button" onClick={() => void more()}>
        {label}
      </button>
    )}
  </>
);
