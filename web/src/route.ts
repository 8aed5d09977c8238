/** Pages by the address after `#`: no server needs to know them, and no id ends up in anybody's log. */
import { signal } from '@preact/signals';

/** `#/sessions/session_1` -> `['sessions', 'session_1']` */
const parse = (hash: string): readonly string[] => hash.replace(/^#\/?/, '').split('/').filter(Boolean).map(decodeURIComponent);

export const route = signal(parse(location.hash));
addEventListener('hashchange', () => {
  route.value = parse(location.hash);
});

export const pathTo = (...parts: readonly string[]): string => `#/${parts.map(encodeURIComponent).join('/')}`;
export const go = (...parts: readonly string[]): void => {
  location.hash = pathTo(...parts);
};
