import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { inWords } from '../api/client.ts';

export interface Loaded<T> {
  readonly value: T | undefined;
  readonly error: string | undefined;
  /** Loads once more; what is shown stays until then. */
  again(): Promise<void>;
}

/** What `load` answers, again whenever `key` changes and every so many seconds while the page is seen. */
export function useLoaded<T>(key: string, load: () => Promise<T>, everySeconds?: number): Loaded<T> {
  const [state, setState] = useState<{ key: string; value?: T; error?: string }>({ key });
  const latest = useRef(load);
  latest.current = load;
  const wanted = useRef(key);
  wanted.current = key;
  const again = useCallback(async () => {
    const asked = wanted.current;
    try {
      const value = await latest.current();
      if (wanted.current === asked) setState({ key: asked, value });
    } catch (error) {
      if (wanted.current === asked) setState((was) => ({ ...(was.key === asked && was), key: asked, error: inWords(error) }));
    }
  }, []);
  useEffect(() => {
    void again();
    if (everySeconds === undefined) return;
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') void again();
    }, 1000 * everySeconds);
    return () => clearInterval(timer);
  }, [key, everySeconds, again]);
  const isMine = state.key === key;
  return { value: isMine ? state.value : undefined, error: isMine ? state.error : undefined, again };
}
