import fc from 'fast-check';
import { expect, test } from 'vitest';
import { merged } from '../../web/src/settings/merge.ts';

test('entries of another tab are added, and changes made here are kept [corrections.two-tabs]', () => {
  const rule = (match: string, replace = 'x') => ({ kind: 'word', match, replace });
  const loaded = [rule('a'), rule('b'), rule('c')];
  const mine = [rule('a', 'typed'), rule('c'), rule('new')];
  const newer = [rule('a'), rule('b'), rule('c', 'theirs'), rule('d')];
  expect(merged(loaded, mine, newer)).toEqual([rule('c', 'theirs'), rule('d'), rule('a', 'typed'), rule('new')]);
});

test('without changes here the result is the newer list, and without newer entries it has all changes made here', () => {
  const lists = fc.uniqueArray(fc.integer({ min: 0, max: 9 }));
  fc.assert(
    fc.property(lists, lists, (loaded, other) => {
      expect(merged(loaded, loaded, other)).toEqual(other);
      expect(merged(loaded, other, loaded).sort()).toEqual([...other].sort());
    }),
  );
});
