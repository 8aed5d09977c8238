/** Polls the growing transcript of a session with its ETag: an unchanged transcript costs an empty response. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Transcript } from '../../../core/contracts/transcript.ts';
import { ApiError, api, errorMessage } from '../api/client.ts';
import { follow, type PollResult } from '../api/polling.ts';

export interface LiveText {
  readonly transcript: Transcript | undefined;
  readonly error: string | undefined;
  /** Polling has stopped because the transcript has not changed for half an hour. */
  readonly hasStopped: boolean;
}
const NONE: LiveText = { transcript: undefined, error: undefined, hasStopped: false };

/** The transcript so far with its ETag; undefined if it still has the given ETag. */
async function newerTranscript(id: string, etag: string): Promise<{ transcript: Transcript; etag: string } | undefined> {
  const answer = await api.ifChanged('GET /api/sessions/{id}/transcript', etag, { path: { id } });
  if (answer.kind === 'unchanged') return undefined;
  if ('segments' in answer.result) return { transcript: answer.result, etag: answer.etag };
  throw new Error('the response is the text of a range');
}

/** What the next poll depends on after a failed one. */
const afterFailure = (error: unknown): PollResult =>
  error instanceof ApiError && (error.isTransient || error.code === 'not-ready') ? (error.retryAfterSeconds ?? 'same') : 'over';

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
        const newer = await newerTranscript(sessionId, etag);
        if (newer === undefined) return 'same';
        if (controller.signal.aborted) return 'over';
        ({ etag } = newer);
        shown.current = { sessionId, etag };
        setState({ ...NONE, transcript: newer.transcript });
        return newer.transcript.final ? 'over' : 'changed';
      } catch (error) {
        setState((old) => ({ ...old, error: errorMessage(error) }));
        return afterFailure(error);
      }
    };
    void follow(poll, controller.signal).then((end) => {
      if (end === 'unchanged') setState((old) => ({ ...old, hasStopped: true }));
    });
    return () => controller.abort();
  }, [sessionId, round]);
  return state;
}
