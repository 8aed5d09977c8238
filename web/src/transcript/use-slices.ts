import { useCallback, useEffect, useLayoutEffect, useState } from 'preact/hooks';

/** Groups that are rendered at once, enough for a screen; and in each later slice, which must take less than 50 ms on a slow machine. */
const [FIRST, MORE] = [2, 4];

/**
 * Renders a long list in slices, so that the page responds meanwhile. Printing renders the rest at once.
 * Returns the number of items to render now, and a function that raises it.
 */
export function useSlices(total: number): readonly [count: number, renderTo: (count: number) => void] {
  const [wanted, setWanted] = useState(FIRST);
  const renderTo = useCallback((count: number) => setWanted((now) => Math.max(now, count)), []);
  useEffect(() => {
    if (wanted >= total) return;
    const timer = setTimeout(() => renderTo(wanted + MORE));
    return () => clearTimeout(timer);
  }, [wanted, total]);
  useLayoutEffect(() => {
    const renderAll = (): void => renderTo(total);
    addEventListener('beforeprint', renderAll);
    return () => removeEventListener('beforeprint', renderAll);
  }, [total]);
  return [Math.min(wanted, total), renderTo];
}
