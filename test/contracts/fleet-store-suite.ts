/** The contract of the stores of the fleet and of GPU costs. It runs against memory, and against DynamoDB in test/host. */
import { describe, expect, test } from 'vitest';
import type { FleetStore } from '../../core/fleet/ports.ts';
import { observe } from '../../core/ledger/gpu-time.ts';
import type { LedgerStore } from '../../core/ledger/ports.ts';
import { fresh } from './fresh.ts';

export function fleetStoreContract(name: string, make: () => FleetStore): void {
  describe(`${name}: fleet store`, () => {
    test('a row that was never written is read as an empty one', async () => {
      expect(await make().readInstance(fresh('i-'))).toMatchObject({ state: 'idle', version: 0, holders: {} });
    });

    test('every request for a machine gets its own number', async () => {
      const store = make();
      const seqs = await Promise.all([store.raiseWanted(), store.raiseWanted(), store.raiseWanted()]);
      expect(new Set(seqs.map((pool) => pool.wanted_seq)).size).toBe(3);
    });

    test('of two changes of one version, one succeeds', async () => {
      const store = make();
      const instance = await store.readInstance(fresh('i-'));
      const change = (run: string) => ({
        instances: [{ from: instance, to: { ...instance, version: 1, holders: { [run]: 1 } } }],
      });
      const outcomes = await Promise.all([store.commit(change('run-1')), store.commit(change('run-2'))]);
      expect(outcomes.sort()).toEqual(['committed', 'conflict']);
    });

    test('a request for a machine makes a concurrent change of the pool a conflict, and then neither row changes', async () => {
      const store = make();
      const [pool, instance] = [await store.readPool(), await store.readInstance(fresh('i-'))];
      await store.raiseWanted();
      const to = {
        pool: { from: pool, to: { ...pool, version: pool.version + 1 } },
        instances: [{ from: instance, to: { ...instance, version: 1 } }],
      };
      expect(await store.commit(to)).toBe('conflict');
      expect(await store.readInstance(instance.id)).toMatchObject({ version: 0 });
    });

    test('a change of two instances is atomic', async () => {
      const store = make();
      const [a, b] = [await store.readInstance(fresh('i-')), await store.readInstance(fresh('i-'))];
      const both = { instances: [a, b].map((from) => ({ from, to: { ...from, version: 1, fence: 7 } })) };
      const [, second] = both.instances;
      if (second === undefined) throw new Error('two were made');
      await store.commit({ instances: [second] });
      expect(await store.commit(both)).toBe('conflict');
      expect(await store.readInstance(a.id)).toMatchObject({ version: 0 });
    });

    test('attributes that a change omits are removed', async () => {
      const store = make();
      const pool = await store.readPool();
      const serving = {
        ...pool,
        version: pool.version + 1,
        serving: { run_id: 'run-x', machines: [], tried: [], drained: false },
      };
      await store.commit({ pool: { from: pool, to: serving } });
      const { serving: _gone, ...free } = serving;
      await store.commit({ pool: { from: serving, to: { ...free, version: serving.version + 1 } } });
      expect(await store.readPool()).not.toHaveProperty('serving');
    });
  });
}

export function ledgerStoreContract(name: string, make: () => LedgerStore): void {
  describe(`${name}: ledger store`, () => {
    test('each launch is stored once, and listed by its day', async () => {
      const store = make();
      const launch = Date.UTC(2031, 0, 1, 23, 59, Math.floor(Math.random() * 60));
      const machine = { instanceId: fresh('i-'), state: 'running', launchedAtMs: launch, instanceType: 'g4dn.xlarge' } as const;
      const running = observe(machine, undefined, launch + 1000);
      if (running === undefined) throw new Error('a running machine must have an interval');
      await store.putInterval(running);
      expect(await store.interval(running.usage_id)).toEqual(running);
      const stopped = observe({ ...machine, state: 'stopped' }, running, launch + 120_000);
      if (stopped === undefined) throw new Error('a stop must change the interval');
      await store.putInterval(stopped);
      const found = (await store.intervalsOf('2031-01-01')).filter((row) => row.instance_id === machine.instanceId);
      expect(found).toEqual([{ ...stopped, stopped_at_ms: launch + 120_000 }]);
      expect(await store.usagesOf('2031-01-01')).toEqual([]);
      expect(await store.interval('gpu#unknown#1')).toBeUndefined();
    });
  });
}
