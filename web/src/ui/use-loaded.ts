import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, errorMessage } from '../api/client.ts';

export interface Loaded<T> {
  readonly value: T | undefined;
  readonly error: string | undefined;
  /** Refreshing has stopped because nothing has changed for half an hour; `reload` restarts it. */
  readonly hasStopped: boolean;
  /** Loads again. The current value stays until then. */
  reload(): Promise<void>;
}

/** How often the value is loaded again while the page is visible. */
export interface Refresh {
  readonly everySeconds: number;
  /** Without changes the pauses grow, and refreshing stops after half an hour. */
  readonly backsOff?: boolean;
}
const [GROWTH, LONGEST_SECONDS, LIMIT_SECONDS] = [1.15, 10, 1800];

/** Returns the pause after each refresh; undefined: nothing has changed for so long that refreshing stops. */
function pausesOf({ everySeconds, backsOff = false }: Refresh): (hasChanged: boolean) => number | undefined {
  let pauseSeconds = everySeconds;
  let quietSeconds = 0;
  return (hasChanged) => {
    if (!backsOff) return everySeconds;
    quietSeconds = hasChanged ? 0 : quietSeconds + pauseSeconds;
    pauseSeconds = hasChanged ? everySeconds : Math.min(LONGEST_SECONDS, pauseSeconds * GROWTH);
    return quietSeconds > LIMIT_SECONDS ? undefined : pauseSeconds;
  };
}

/** Loads a value when `key` changes, and repeatedly as `refresh` specifies. */
export function useLoaded<T>(key: string, load: () => Promise<T>, refresh?: Refresh): Loaded<T> {
  const [state, setState] = useState<{ key: string; value?: T; error?: string; hasStopped?: boolean }>({ key });
  const latest = useRef(load);
  latest.current = load;
  const currentKey = useRef(key);
  currentKey.current = key;
  const [round, setRound] = useState(0);
  const lastText = useRef('');
  /** From the Retry-After header. */
  const retryAfterSeconds = useRef(0);
  /** Loads once. Returns whether the value has changed. */
  const loadOnce = useCallback(async (): Promise<boolean> => {
    const requestedKey = currentKey.current;
    retryAfterSeconds.current = 0;
    try {
      const value = await latest.current();
      if (currentKey.current !== requestedKey) return false; // the key has changed meanwhile
      const text = `${requestedKey} ${JSON.stringify(value)}`;
      const isNew = text !== lastText.current;
      lastText.current = text;
      setState((old) =>
        isNew || old.key !== requestedKey || old.error !== undefined || old.hasStopped ? { key: requestedKey, value } : old,
      );
      return isNew;
    } catch (error) {
      if (error instanceof ApiError) retryAfterSeconds.current = error.retryAfterSeconds ?? 0;
      if (currentKey.current === requestedKey)
        setState((old) => ({ ...(old.key === requestedKey && old), key: requestedKey, error: errorMessage(error) }));
      return false;
    }
  }, []);
  const { everySeconds, backsOff = false } = refresh ?? {};
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let isOver = false;
    const pauseAfter = everySeconds === undefined ? undefined : pausesOf({ everySeconds, backsOff });
    const refreshAndSchedule = async (isFirst: boolean): Promise<void> => {
      const isNew = (isFirst || document.visibilityState === 'visible') && (await loadOnce());
      if (isOver || pauseAfter === undefined) return;
      const pauseSeconds = pauseAfter(isNew);
      if (pauseSeconds === undefined) setState((old) => ({ ...old, hasStopped: true }));
      else timer = setTimeout(() => void refreshAndSchedule(false), 1000 * Math.max(pauseSeconds, retryAfterSeconds.current));
    };
    void refreshAndSchedule(true);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [key, everySeconds, backsOff, loadOnce, round]);
  const hasStopped = state.hasStopped === true;
  const reload = useCallback(async () => {
    await loadOnce();
    if (hasStopped) setRound((now) => now + 1);
  }, [loadOnce, hasStopped]);
  const isCurrent = state.key === key;
  return {
    value: isCurrent ? state.value : undefined,
    error: isCurrent ? state.error : undefined,
    hasStopped: isCurrent && hasStopped,
    reload,
  };
}
