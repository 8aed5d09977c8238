import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { inWords } from '../api/client.ts';

export interface Loaded<T> {
  readonly value: T | undefined;
  readonly error: string | undefined;
  /** Nothing has changed for so long that nobody looks any more; `again` looks anew. */
  readonly isGivenUp: boolean;
  /** Loads once more; what is shown stays until then. */
  again(): Promise<void>;
}

/** How often it is looked at anew, while the page is seen. */
export interface Refresh {
  readonly everySeconds: number;
  /** With nothing new the pauses grow, and end after half an hour. */
  readonly tires?: boolean;
}
const [GROWTH, LONGEST_SECONDS, LIMIT_SECONDS] = [1.15, 10, 1800];

/** What `load` answers; again whenever `key` changes, and as `refresh` says. */
export function useLoaded<T>(key: string, load: () => Promise<T>, refresh?: Refresh): Loaded<T> {
  const [state, setState] = useState<{ key: string; value?: T; error?: string; isGivenUp?: boolean }>({ key });
  const latest = useRef(load);
  latest.current = load;
  const wanted = useRef(key);
  wanted.current = key;
  const [round, setRound] = useState(0);
  const known = useRef('');
  /** Whether there was something new. */
  const look = useCallback(async (): Promise<boolean> => {
    const asked = wanted.current;
    try {
      const value = await latest.current();
      if (wanted.current !== asked) return false; // somebody has gone on meanwhile
      const text = `${asked} ${JSON.stringify(value)}`;
      const isNew = text !== known.current;
      known.current = text;
      setState((was) => (isNew || was.key !== asked || was.error !== undefined || was.isGivenUp ? { key: asked, value } : was));
      return isNew;
    } catch (error) {
      if (wanted.current === asked) setState((was) => ({ ...(was.key === asked && was), key: asked, error: inWords(error) }));
      return false;
    }
  }, []);
  const { everySeconds, tires = false } = refresh ?? {};
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let isOver = false;
    let pauseSeconds = everySeconds ?? 0;
    let quietSeconds = 0;
    const turn = async (isFirst: boolean): Promise<void> => {
      const isNew = (isFirst || document.visibilityState === 'visible') && (await look());
      if (isOver || everySeconds === undefined) return;
      if (tires) {
        quietSeconds = isNew ? 0 : quietSeconds + pauseSeconds;
        pauseSeconds = isNew ? everySeconds : Math.min(LONGEST_SECONDS, pauseSeconds * GROWTH);
        if (quietSeconds > LIMIT_SECONDS) {
          setState((was) => ({ ...was, isGivenUp: true }));
          return;
        }
      }
      timer = setTimeout(() => void turn(false), 1000 * pauseSeconds);
    };
    void turn(true);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [key, everySeconds, tires, look, round]);
  const isGivenUp = state.isGivenUp === true;
  const again = useCallback(async () => {
    await look();
    if (isGivenUp) setRound((now) => now + 1);
  }, [look, isGivenUp]);
  const isMine = state.key === key;
  return {
    value: isMine ? state.value : undefined,
    error: isMine ? state.error : undefined,
    isGivenUp: isMine && isGivenUp,
    again,
  };
}
