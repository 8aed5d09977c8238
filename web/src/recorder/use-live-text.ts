/** The transcript of a session as it grows, asked for by its ETag: what has not changed costs an empty answer. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { Transcript } from '../../../core/contracts/transcript.ts';
import { ApiError, call, inWords, parsed } from '../api/client.ts';
import { follow } from '../api/patience.ts';

export interface LiveText {
  readonly transcript: Transcript | undefined;
  readonly error: string | undefined;
  /** It was followed for so long without change that nobody looks any more. */
  readonly isGivenUp: boolean;
}
const NONE: LiveText = { transcript: undefined, error: undefined, isGivenUp: false };

/** `sessionId`: undefined as long as no chunk of it has arrived; then there is nothing to follow. `again`: another
 * number looks anew, until there is another text than the one that is shown: what changed it takes effect a moment later. */
export function useLiveText(sessionId: string | undefined, again = 0): LiveText {
  const [state, setState] = useState<LiveText>(NONE);
  const shown = useRef({ sessionId: '', etag: '' });
  useEffect(() => {
    if (sessionId === undefined) return;
    const ending = new AbortController();
    let etag = shown.current.sessionId === sessionId ? shown.current.etag : '';
    const once = async (): Promise<'over' | 'changed' | 'same'> => {
      try {
        const headers: Record<string, string> = etag === '' ? {} : { 'if-none-match': etag };
        const answer = await call('GET', `/api/sessions/${sessionId}/transcript`, { headers });
        if (answer.status === 304) {
          await answer.text();
          return 'same';
        }
        const transcript = parsed(Transcript, await answer.json());
        if (ending.signal.aborted) return 'over';
        etag = answer.headers.get('etag') ?? '';
        shown.current = { sessionId, etag };
        setState({ ...NONE, transcript });
        return transcript.final ? 'over' : 'changed';
      } catch (error) {
        const passes = error instanceof ApiError && (error.isPassing || error.code === 'not-ready');
        setState((was) => ({ ...was, error: inWords(error) }));
        return passes ? 'same' : 'over';
      }
    };
    void follow(once, ending.signal).then((end) => {
      if (end === 'gave-up') setState((was) => ({ ...was, isGivenUp: true }));
    });
    return () => ending.abort();
  }, [sessionId, again]);
  return state;
}
