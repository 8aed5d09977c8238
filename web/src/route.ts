/** Routes in the fragment of the address: the server needs no routes, and no id appears in its logs. */
import { signal } from '@preact/signals';

/** `#/sessions/session_1` -> `['sessions', 'session_1']` */
const parse = (hash: string): readonly string[] => hash.replace(/^#\/?/, '').split('/').filter(Boolean).map(decodeURIComponent);

export const route = signal(parse(location.hash));
addEventListener('hashchange', () => {
  route.value = parse(location.hash);
});

/** Opens the start page and replaces the current address in the history. */
export const goHome = (): void => {
  history.replaceState(null, '', './');
  route.value = [];
};

export const pathTo = (...parts: readonly string[]): string => `#/${parts.map(encodeURIComponent).join('/')}`;
export const go = (...parts: readonly string[]): void => {
  location.hash = pathTo(...parts);
};
