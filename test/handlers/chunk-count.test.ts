import { expect, test } from 'vitest';
import { MAX_CHUNKS_UNDER_WAY } from '../../core/contracts/limits.ts';
import { recordingWorld as world } from '../support/recording-world.ts';
import { SESSION } from '../support/rows.ts';

const complete = 'POST /api/sessions/{id}/complete';

test('a chunk count far above the highest received chunk number is refused, and the recording continues [doors.chunk-count]', async () => {
  const w = await world();
  w.done(3);
  const refused = await w.call(complete, { body: { chunkCount: 99_999 } });
  expect(refused).toMatchObject({
    status: 422,
    body: { code: 'invalid', highestChunkNumber: 3, detail: expect.stringContaining('99999') },
  });
  expect(await w.call(complete, { body: { chunkCount: 4 + MAX_CHUNKS_UNDER_WAY } })).toMatchObject({ status: 422 });
  expect(await w.store.get(SESSION)).toMatchObject({ state: 'recording' });
});

test('a recording of one day may be completed before any chunk has arrived, a longer one only afterwards [doors.chunk-count]', async () => {
  const w = await world();
  expect(await w.call(complete, { body: { chunkCount: MAX_CHUNKS_UNDER_WAY } })).toMatchObject({ status: 202 });
  w.done(3);
  expect(await w.call(complete, { body: { chunkCount: 3 + MAX_CHUNKS_UNDER_WAY } })).toMatchObject({ status: 202 });
});

test('a chunk count that was accepted is accepted again, regardless of the received chunks', async () => {
  const w = await world();
  await w.store.complete(SESSION, 50_000, 1);
  expect(await w.call(complete, { body: { chunkCount: 50_000 } })).toMatchObject({ status: 202 });
});
