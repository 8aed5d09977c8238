/**
 * A recording with everything that its page shows: session, text, edits, waveform and player.
 *
 * It polls until the text is final, and again after each action (`refresh`), because actions take effect later.
 */
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
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

type Waveform = CallResult<'GET /api/sessions/{id}/peaks'>;
/** What `useSession` returns. */
export type SessionView = ReturnType<typeof useSession>;

async function sectionsOf(sessionId: string, first: number): Promise<Section[]> {
  const sections: Section[] = [];
  for (let from: number | undefined = first; from !== undefined; ) {
    const page: CallResult<'GET /api/sessions/{id}/audio'> = await api('GET /api/sessions/{id}/audio', {
      path: { id: sessionId },
      query: { from },
    });
    sections.push(...page.chunks.map(({ start, end, url, chunkNumber }) => ({ start, end, url, chunkNumber })));
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

/** A number that changes whenever the count has grown by a tenth. */
const growthOf = (count: number): number => Math.floor(Math.log(count + 1) / Math.log(1.1));

/** The peaks of a waveform that may be older than the recording is long; what is newer has none yet. */
function peaksUntil(waveform: Waveform | undefined, durationSeconds = 0): readonly number[] {
  const { peaks, secondsPerPoint } = waveform ?? { peaks: [], secondsPerPoint: 1 };
  const missing = Math.floor(durationSeconds / secondsPerPoint) - peaks.length;
  return missing > 0 ? [...peaks, ...new Array<number>(missing).fill(0)] : peaks;
}

/** Loads a recording. `session` is undefined until it is loaded. */
export function useSession(id: string) {
  const { round, ...shown } = useSessionText(id);
  const chunkCount = shown.text.transcript?.chunks.length ?? 0;
  const peaks = useLoaded(`peaks ${id} ${shown.isFinal} ${growthOf(chunkCount)}`, () =>
    api('GET /api/sessions/{id}/peaks', { path: { id } }),
  );
  const edits = useLoaded(`edits ${id} ${round}`, () => readEdits(id));
  const waveform = useLast(peaks.value);
  const durationSeconds = shown.text.transcript?.duration_seconds;
  const shownPeaks = useMemo(() => peaksUntil(waveform, durationSeconds), [waveform, durationSeconds]);
  const player = usePlayer((from) => sectionsOf(id, from), [id]);
  useEffect(() => {
    if (player.time.value > 0) player.extend().catch(() => undefined);
  }, [player, chunkCount]);
  return { ...shown, peaks: shownPeaks, edits: edits.value?.edits ?? [], player };
}
