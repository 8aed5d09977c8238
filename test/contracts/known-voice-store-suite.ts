/** The contract of the store of known voices. It runs against memory, and against DynamoDB in test/host. */
import { describe, expect, test } from 'vitest';
import type { KnownVoicesRow } from '../../core/contracts/known-voices.ts';
import type { KnownVoiceStore } from '../../core/transcripts/known-voices.ts';
import { fresh } from './fresh.ts';

const row = (revision: string): KnownVoicesRow => ({
  revision,
  voices: [{ id: 'known-1', name: 'Ana', model: 'ge2e', voice: 'fwA=', seconds: 10, saved_at_ms: 1 }],
});

export function knownVoiceStoreContract(name: string, make: () => KnownVoiceStore): void {
  describe(`${name}: known voices`, () => {
    test('of two changes of one revision, one succeeds; users are apart', async () => {
      const [store, user] = [make(), fresh('user')];
      expect(await store.get(user)).toBeUndefined();
      const first = await Promise.all([store.put(user, row('a'), undefined), store.put(user, row('a'), undefined)]);
      expect(first.filter(Boolean)).toHaveLength(1);
      expect(await store.get(user)).toEqual(row('a'));
      expect(await store.get(fresh('user'))).toBeUndefined();
      expect(await store.put(user, row('c'), 'b')).toBe(false);
      expect(await store.put(user, row('b'), 'a')).toBe(true);
      expect(await store.get(user)).toEqual(row('b'));
    });

    test('a change that began before everything was deleted brings nothing back [speakers.known]', async () => {
      const [store, user] = [make(), fresh('user')];
      await store.put(user, row('a'), undefined);
      await store.remove(user);
      await store.remove(user);
      expect(await store.get(user)).toBeUndefined();
      expect(await store.put(user, row('b'), 'a')).toBe(false);
      await store.put(user, row('c'), undefined);
      expect(await store.put(user, row('b'), 'a')).toBe(false);
      expect(await store.get(user)).toEqual(row('c'));
    });
  });
}
