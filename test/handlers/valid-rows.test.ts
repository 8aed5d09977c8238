import { expect, test } from 'vitest';
import { ChunkRow } from '../../core/contracts/rows.ts';
import { validRows } from '../../lambdas/adapters/valid-rows.ts';
import { chunkRow } from '../support/rows.ts';

test('a row that cannot be read does not block the other rows of an index [pressure.contained]', () => {
  const rows = [chunkRow(1), { ...chunkRow(2), state: 'unheard of' }, chunkRow(3)];
  expect(validRows(ChunkRow, rows).map(({ chunk_number }) => chunk_number)).toEqual([1, 3]);
  expect(validRows(ChunkRow)).toEqual([]);
});
