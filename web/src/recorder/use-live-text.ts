/**
 * Polls the growing transcript of a session with its ETag and cursor: an unchanged transcript costs an empty response, a changed
 * one only what follows the cursor.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Transcript } from '../../../core/contracts/transcript.ts';
import { ApiError, api, errorMessage } from '../api/client.ts';
import { follow, type PollResult } from '../api/polling.ts';
import { continued } from './continued.ts';

export interface LiveText {
  readonly transcript: Transcript | undefined;
  readonly error: string | undefined;
  /** Polling has stopped because the transcript has not changed for half an hour. */
  readonly hasStopped: boolean;
}
const NONE: LiveText = { transcript: undefined, error: undefined, hasStopped: false };

/** A transcript with its ETag. */
interface Known {
  readonly etag: string;
  readonly transcript: Transcript | undefined;
}
const UNKNOWN: Known = { etag: '', transcript: undefined };

/** The transcript so far; undefined if it is still the known one. */
async function newerTranscript(id: string, known: Known): Promise<Known | undefined> {
  const query = { after: known.transcript?.cursor };
  const answer = await api.ifChanged('GET /api/sessions/{id}/transcript', known.etag, { path: { id }, query });
  if (answer.kind === 'unchanged') return undefined;
  if ('segments' in answer.result) return { transcript: continued(known.transcript, answer.result), etag: answer.etag };
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
  const shown = useRef({ sessionId: '', known: UNKNOWN });
  useEffect(() => {
    if (sessionId === undefined) return;
    const controller = new AbortController();
    let known = shown.current.sessionId === sessionId ? shown.current.known : UNKNOWN;
    const poll = async (): Promise<PollResult> => {
      try {
        const newer = await newerTranscript(sessionId, known);
        if (newer === undefined) return 'same';
        if (controller.signal.aborted) return 'over';
        known = newer;
        shown.current = { sessionId, known };
        setState({ ...NONE, transcript: known.transcript });
        return known.transcript?.final === true ? 'over' : 'changed';
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
