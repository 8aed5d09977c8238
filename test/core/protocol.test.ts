import fc from 'fast-check';
import { expect, test } from 'vitest';
import { protocolWorld } from '../support/protocol-world.ts';

const HISTORIES = Number(process.env['PROTOCOL_HISTORIES'] ?? 3000);
/** Commands that advance the work are more frequent than faults; commands that are not listed weigh 1. */
const WEIGHTS: Readonly<Record<string, number>> = {
  stepNewest: 8,
  stepOldest: 3,
  upload: 4,
  reap: 4,
  failOne: 2,
  abort: 2,
  seconds: 2,
  batchTick: 2,
  schedule: 4,
  uploadWithoutEvent: 4,
  receive: 5,
  lock: 3,
};
const command = fc.oneof(
  ...protocolWorld().commands.map((name) => ({ arbitrary: fc.constant(name), weight: WEIGHTS[name] ?? 1 })),
);

test('in every history no stop hits a live holder, no chunk is committed twice, and finally all is transcribed and no machine runs [gpu.never-under-somebody]', async () => {
  console.log(`${HISTORIES} histories from seed ${fc.readConfigureGlobal()?.seed}`);
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 60, size: 'max' }), async (history) => {
      const world = protocolWorld();
      await world.start();
      for (const name of history) await world.run(name);
      expect(world.violations).toEqual([]);
      await world.settle();
      expect(world.violations).toEqual([]);
      expect(await world.atRest(), JSON.stringify(await world.describe())).toBe(true);
    }),
    { numRuns: HISTORIES },
  );
});
