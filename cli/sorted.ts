/** Lists in the order of recording. The API lists what was added last first, so another order needs all pages. */
import type { Option } from 'commander';
import { newestRecordedFirst } from '../core/contracts/recorded.ts';
import { choice } from './options.ts';

const ORDERS = ['added', 'recorded'] as const;
export type Order = (typeof ORDERS)[number];
const PAGE = 100;

export const sortOption = (): Option =>
  choice('--sort <order>', 'newest added or newest recorded first', ORDERS).default('added');

interface Page<T> {
  readonly items: readonly T[];
  readonly cursor?: string | undefined;
}

/** The first `limit` items in an order. `page` loads up to `limit` items after a cursor. */
export async function sortedPage<T extends Parameters<typeof newestRecordedFirst>[0]>(
  order: Order,
  limit: number,
  page: (limit: number, cursor?: string) => Promise<Page<T>>,
): Promise<Page<T>> {
  if (order === 'added') return page(limit);
  const all: T[] = [];
  for (let cursor: string | undefined, isFirst = true; isFirst || cursor !== undefined; isFirst = false) {
    const next = await page(PAGE, cursor);
    all.push(...next.items);
    cursor = next.cursor;
  }
  return { items: all.sort(newestRecordedFirst).slice(0, limit) };
}
