import { expect, test } from 'vitest';
import { sortedPage } from '../../cli/sorted.ts';

const at = (day: number): string => new Date(Date.UTC(2026, 0, day)).toISOString();
/** Added on days 9, 8, 7, …; some were recorded on another day. */
const ITEMS = [
  { id: 'a', createdAt: at(9), recordedAt: at(1) },
  { id: 'b', createdAt: at(8) },
  { id: 'c', createdAt: at(7), recordedAt: at(20) },
  { id: 'd', createdAt: at(6), recordedAt: at(7) },
];
/** Two items per page, whatever is asked for. */
const page = async (_limit: number, cursor = '0') => {
  const [from, to] = [Number(cursor), Number(cursor) + 2];
  return { items: ITEMS.slice(from, to), ...(to < ITEMS.length && { cursor: String(to) }) };
};

test('by default a list is the first page of the API, with its cursor [media.clock]', async () => {
  expect(await sortedPage('added', 2, page)).toEqual({ items: ITEMS.slice(0, 2), cursor: '2' });
});

test('a list by recording is sorted over all pages; without such a time, an item counts as recorded when it was added [media.clock]', async () => {
  const ids = async (limit: number) => (await sortedPage('recorded', limit, page)).items.map(({ id }) => id);
  expect(await ids(10)).toEqual(['c', 'b', 'd', 'a']);
  expect(await ids(2)).toEqual(['c', 'b']);
});
