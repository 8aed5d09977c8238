/** The order of a list: by when items were added (as the API lists them), or by when they were recorded. */
import { useEffect, useId, useState } from 'preact/hooks';
import { newestRecordedFirst } from '../../../core/contracts/recorded.ts';
import type { WithOlder } from './use-older.ts';

interface Item {
  readonly id: string;
  readonly createdAt: string;
  readonly recordedAt?: string | undefined;
}
type By = 'added' | 'recorded';

/** The items in the chosen order. The API lists items by when they were added, so another order needs all pages. */
export function useOrder<T extends Item>(list: WithOlder<T>): { items: readonly T[]; by: By; change(by: By): void } {
  const [by, change] = useState<By>('added');
  const { items, hasMore, error, more } = list;
  useEffect(() => {
    if (by === 'recorded' && hasMore && error === '') void more();
  }, [by, hasMore, error, items.length]);
  return { items: by === 'added' ? items : [...items].sort(newestRecordedFirst), by, change };
}

/** Selects the order. */
export function OrderField({ by, change }: { readonly by: By; change(by: By): void }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>Order</label>
      <select id={id} class="input" value={by} onChange={({ currentTarget }) => change(currentTarget.value as By)}>
        <option value="added">Newest added first</option>
        <option value="recorded">Newest recorded first</option>
      </select>
    </div>
  );
}
