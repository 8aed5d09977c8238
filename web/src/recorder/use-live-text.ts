/** Polls the growing transcript of a session with its ETag: an unchanged transcript costs an empty response. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { Transcript } from '../../../core/contracts/transcript.ts';
import { ApiError, call, errorMessage, parseBody } from '../api/client.ts';
import { follow, type PollResult } from '../api/polling.ts';

export interface LiveText {
  readonly transcript: Transcript | undefined;
  readonly error: string | undefined;
  /** Polling has stopped because the transcript has not changed for half an hour. */
  readonly hasStopped: boolean;
}
const NONE: LiveText = { transcript: undefined, error: undefined, hasStopped: false };

/**
 * @param sessionId undefined as long as no chunk has arrived: nothing is polled
 * @param round increase it after a change, to poll again until the transcript differs from the one shown (changes take effect later)
 */
export function useLiveText(sessionId: string | undefined, round = 0): LiveText {
  const [state, setState] = useState<LiveText>(NONE);
  const shown = useRef({ sessionId: '', etag: '' });
  useEffect(() => {
    if (sessionId === undefined) return;
    const controller = new AbortController();
    let etag = shown.current.sessionId === sessionId ? shown.current.etag : '';
    const poll = async (): Promise<PollResult> => {
      try {
        const headers: Record<string, string> = etag === '' ? {} : { 'if-none-match': etag };
        const response = await call('GET', `/api/sessions/${sessionId}/transcript`, { headers });
        if (response.status === 304) {
          await response.text();
          return 'same';
        }
        const transcript = parseBody(Transcript, await response.json());
        if (controller.signal.aborted) return 'over';
        etag = response.headers.get('etag') ?? '';
        shown.current = { sessionId, etag };
        setState({ ...NONE, transcript });
        return transcript.final ? 'over' : 'changed';
      } catch (error) {
        const canRetry = error instanceof ApiError && (error.isTransient || error.code === 'not-ready');
        setState((old) => ({ ...old, error: errorMessage(error) }));
        if (!canRetry) return 'over';
        return error.retryAfterSeconds ?? 'same';
      }
    };
    void follow(poll, controller.signal).then((end) => {
      if (end === 'unchanged') setState((old) => ({ ...old, hasStopped: true }));
    });
    return () => controller.abort();
  }, [sessionId, round]);
  return state;
}
