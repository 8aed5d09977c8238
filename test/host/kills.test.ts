/** A sample of `npm run proof -- kills`. */
import { expect, test } from 'vitest';
import { killsOn } from '../../bench/kills.ts';
import { host, output, userA } from './support.ts';

test('a worker that is killed at random times loses no chunk and transcribes none twice [worker.killed]', async () => {
  const target = { root: host.root, client: userA, chunksTable: output('ChunksTable'), ledgerTable: output('LedgerTable') };
  const result = await killsOn(target, 3, 20_261_129);
  expect(result).toMatchObject({ kills: 3, lost: 0, twice: 0 });
  expect(result.chunks).toBeGreaterThan(2);
});
