/**
 * A recording with everything that its page shows: session, text, edits, waveform and player.
 *
 * It polls until the text is final, and again after each action (`refresh`), because actions take effect later.
 */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { CallResult } from '../../../core/contracts/calls/client.ts';
import { api } from '../api/client.ts';
import { useLiveText } from '../recorder/use-live-text.ts';
import { useLast } from '../ui/use-last.ts';
import { useLoaded } from '../ui/use-loaded.ts';
import { readEdits } from './edits.ts';
import type { Section } from './player.ts';
import { readSession, type Session } from './session-chunks.ts';
import { usePlayer } from './use-player.ts';

const REFRESH = { everySeconds: 2, backsOff: true };

/** What `useSession` returns. */
export type SessionView = ReturnType<typeof useSession>;

async function sectionsOf(sessionId: string): Promise<Section[]> {
  const sections: Section[] = [];
  for (let from: number | undefined = 1; from !== undefined; ) {
    const page: CallResult<'GET /api/sessions/{id}/audio'> = await api('GET /api/sessions/{id}/audio', {
      path: { id: sessionId },
      query: { from },
    });
    sections.push(...page.chunks.map(({ start, end, url }) => ({ start, end, url, isChunk: true })));
    from = page.next;
  }
  return sections;
}

/** The session and its text, polled as long as one of them can change. */
function useSessionText(id: string) {
  const [round, setRound] = useState(0);
  const [hasArrived, setArrived] = useState(false);
  const [wasRetranscribing, setWasRetranscribing] = useState(false);
  const text = useLiveText(hasArrived ? id : undefined, round);
  const isFinal = text.transcript?.final === true;
  const polling = isFinal && !wasRetranscribing ? undefined : REFRESH;
  const key = `session ${id} ${isFinal} ${round}`;
  const known = useRef<{ readonly key: string; readonly session: Session }>(undefined);
  const load = async (): Promise<Session> => {
    const read = await readSession(id, known.current?.key === key ? known.current.session : undefined);
    known.current = { key, session: read };
    return read;
  };
  const loaded = useLoaded(key, load, polling);
  const session = useLast(loaded.value);
  const refresh = useCallback(() => setRound((now) => now + 1), []);
  const hasChunks = (session?.chunks.length ?? 0) > 0;
  useEffect(() => setArrived(hasChunks), [hasChunks]);
  const isRetranscribing = session?.retranscribing === true;
  useEffect(() => {
    // When the new transcription ends, the page polls for the new text.
    if (wasRetranscribing && !isRetranscribing) refresh();
    setWasRetranscribing(isRetranscribing);
  }, [isRetranscribing]);
  return { round, refresh, loaded, session, text, isFinal, hasChunks };
}

const NO_PEAKS: readonly number[] = [];

/** Loads a recording. `session` is undefined until it is loaded. */
export function useSession(id: string) {
  const { round, ...shown } = useSessionText(id);
  const chunkCount = shown.text.transcript?.chunks.length ?? 0;
  const peaks = useLoaded(`peaks ${id} ${chunkCount}`, () => api('GET /api/sessions/{id}/peaks', { path: { id } }));
  const edits = useLoaded(`edits ${id} ${round}`, () => readEdits(id));
  const lastPeaks = useLast(peaks.value?.peaks);
  const player = usePlayer(() => sectionsOf(id), [id]);
  useEffect(() => {
    if (player.time.value > 0) player.renew().catch(() => undefined);
  }, [player, chunkCount]);
  return { ...shown, peaks: lastPeaks ?? NO_PEAKS, edits: edits.value?.edits ?? [], player };
}
