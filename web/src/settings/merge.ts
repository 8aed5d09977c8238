const keysOf = (entries: readonly unknown[]): ReadonlySet<string> => new Set(entries.map((entry) => JSON.stringify(entry)));

/**
 * Merges a list that two tabs have changed: the newer entries without those removed here, then the entries added here.
 * A changed entry counts as one removed and one added.
 */
export function merged<Entry>(loaded: readonly Entry[], mine: readonly Entry[], newer: readonly Entry[]): Entry[] {
  const [before, here, there] = [keysOf(loaded), keysOf(mine), keysOf(newer)];
  const isRemoved = (key: string): boolean => before.has(key) && !here.has(key);
  const isAdded = (key: string): boolean => !before.has(key) && !there.has(key);
  return [
    ...newer.filter((entry) => !isRemoved(JSON.stringify(entry))),
    ...mine.filter((entry) => isAdded(JSON.stringify(entry))),
  ];
}
