/** Words that must be changed, added or taken away to get from what was said to what was understood, per word said. */
export function wordErrorRate(said: readonly string[], understood: readonly string[]): number {
  let row = Array.from({ length: understood.length + 1 }, (_, i) => i);
  for (const [i, word] of said.entries()) {
    const next = [i + 1];
    for (const [j, other] of understood.entries()) {
      next.push(Math.min((row[j] ?? 0) + (word === other ? 0 : 1), (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return said.length === 0 ? Number(understood.length > 0) : (row.at(-1) ?? 0) / said.length;
}

export const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];
