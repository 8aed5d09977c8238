/** Loads the older pages of a list. The newest page is loaded and refreshed separately (useLoaded). */
import { useState } from 'preact/hooks';
import { errorMessage } from '../api/client.ts';

interface Item {
  readonly id: string;
}
export interface ListPage<T extends Item> {
  readonly items: readonly T[];
  readonly cursor: string | undefined;
}
export interface WithOlder<T extends Item> {
  /** Items of the newest page and of all loaded older pages. */
  readonly items: readonly T[];
  readonly hasMore: boolean;
  readonly error: string;
  more(): Promise<void>;
  /** Discards the older pages after a change in them. They are loaded again on request. */
  reset(): void;
}

/**
 * @param newest undefined until it is loaded
 * @param load loads the page after a cursor
 */
export function useOlder<T extends Item>(
  newest: ListPage<T> | undefined,
  load: (cursor: string) => Promise<ListPage<T>>,
): WithOlder<T> {
  const [older, setOlder] = useState<ListPage<T>>();
  const [error, setError] = useState('');
  const cursor = older === undefined ? newest?.cursor : older.cursor;
  const more = async (): Promise<void> => {
    if (cursor === undefined) return;
    try {
      const page = await load(cursor);
      setOlder({ items: [...(older?.items ?? []), ...page.items], cursor: page.cursor });
      setError('');
    } catch (failed) {
      setError(errorMessage(failed));
    }
  };
  const first = newest?.items ?? [];
  const known = new Set(first.map(({ id }) => id));
  const items = [...first, ...(older?.items ?? []).filter(({ id }) => !known.has(id))];
  return { items, hasMore: cursor !== undefined, error, more, reset: () => setOlder(undefined) };
}
