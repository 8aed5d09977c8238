/** The contract of the store of corrections. It runs against memory, and against DynamoDB in test/host. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { SettingsStore } from '../../core/corrections/ports.ts';
import { fresh } from './fresh.ts';

export function settingsStoreContract(name: string, make: () => SettingsStore): void {
  describe(`${name}: settings store`, () => {
    test('of two changes of one version, one succeeds', async () => {
      const store = make();
      const row = { user_id: fresh('user'), version: 1, corrections: { rules: [] }, applied_version: 0 };
      expect(await store.get(row.user_id)).toBeUndefined();
      const first = await Promise.all([store.put(row, undefined), store.put(row, undefined)]);
      expect(first.filter(Boolean)).toHaveLength(1);
      expect(await store.get(row.user_id)).toEqual(row);
      expect(await store.put({ ...row, version: 2 }, 7)).toBe(false);
      expect(await store.put({ ...row, version: 2 }, 1)).toBe(true);
    });

    test('corrections of any accepted size are stored completely, also small ones after large ones', async () => {
      const store = make();
      const user_id = fresh('user');
      /** Random characters of four bytes, which do not compress. */
      const noise = (length: number): string => {
        const bytes = randomBytes(4 * length);
        return Array.from({ length }, (_, i) => String.fromCodePoint(0x10000 + (bytes.readUInt32BE(4 * i) % 0x100000))).join('');
      };
      const random = {
        rules: Array.from({ length: 500 }, () => ({
          kind: 'literal',
          match: noise(500),
          replace: noise(500),
          caseSensitive: false,
        })),
        targetWords: Array.from({ length: 500 }, () => noise(100)),
      };
      const large = (character: string, rules: number) => ({
        rules: Array.from({ length: rules }, (_, index) => ({
          kind: 'literal',
          match: `${index}`.padEnd(500, character),
          replace: character.repeat(500),
          caseSensitive: false,
        })),
        targetWords: Array.from({ length: 500 }, (_, index) => `${index}`.padEnd(100, character)),
      });
      const all = [large('a', 500), large('\u0001', 500), random, large('語', 100), large('a', 1)];
      for (const [version, corrections] of all.entries()) {
        const row = { user_id, version: version + 1, corrections, applied_version: 0 };
        expect(await store.put(row, version === 0 ? undefined : version)).toBe(true);
        expect(await store.put(row, 99)).toBe(false);
        expect(await store.get(user_id)).toEqual(row);
        await store.noteApplied(user_id, version + 1);
        expect(await store.get(user_id)).toEqual({ ...row, applied_version: version + 1 });
      }
    });

    test('of two large changes of one version one succeeds, and readers see only complete versions', async () => {
      const store = make();
      const user_id = fresh('user');
      const of = (version: number, letter: string) => ({
        user_id,
        version,
        corrections: { targetWords: Array.from({ length: 8000 }, () => letter.repeat(100)) },
        applied_version: 0,
      });
      await store.put(of(1, 'a'), undefined);
      const [b, c] = [of(2, 'b'), of(2, 'c')];
      const [first, second, ...seen] = await Promise.all([
        store.put(b, 1),
        store.put(c, 1),
        ...Array.from({ length: 5 }, () => store.get(user_id)),
      ]);
      expect([first, second].filter(Boolean)).toHaveLength(1);
      for (const row of seen) expect([of(1, 'a'), b, c]).toContainEqual(row);
      expect(await store.get(user_id)).toEqual(first ? b : c);
    });

    test('progress in applying corrections is recorded only for the current version', async () => {
      const store = make();
      const row = { user_id: fresh('user'), version: 2, corrections: {}, applied_version: 0 };
      await store.put(row, undefined);
      await store.noteReached(row.user_id, 2, undefined);
      expect(await store.get(row.user_id)).toEqual({ ...row, apply_slices: 1 });
      await store.noteReached(row.user_id, 2, 'page-2');
      await store.noteReached(row.user_id, 2, undefined);
      await store.noteReached(row.user_id, 1, 'page-3');
      expect(await store.get(row.user_id)).toEqual({ ...row, apply_cursor: 'page-2', apply_slices: 3 });
      await store.noteApplied(row.user_id, 1);
      expect(await store.get(row.user_id)).toMatchObject({ apply_cursor: 'page-2', applied_version: 0 });
      await store.noteApplied(row.user_id, 2);
      expect(await store.get(row.user_id)).toEqual({ ...row, applied_version: 2 });
    });
  });
}
