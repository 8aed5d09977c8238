import { useRef } from 'preact/hooks';

/** The last defined value: what is shown stays until its replacement is loaded. */
export function useLast<T>(value: T | undefined): T | undefined {
  const last = useRef<T | undefined>(undefined);
  last.current = value ?? last.current;
  return last.current;
}
