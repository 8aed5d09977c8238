/** Stretches of time, in seconds. */
export interface Interval {
  readonly start: number;
  readonly end: number;
}

/** Adjacent and overlapping intervals as one, in order of time. */
export function merged(intervals: readonly Interval[]): Interval[] {
  const joined: Interval[] = [];
  for (const { start, end } of [...intervals].sort((a, b) => a.start - b.start)) {
    const last = joined.at(-1);
    if (last !== undefined && start <= last.end) joined[joined.length - 1] = { ...last, end: Math.max(last.end, end) };
    else joined.push({ start, end });
  }
  return joined;
}

/** Splits an interval into its parts inside and outside of other intervals. */
export function divided(interval: Interval, others: readonly Interval[]): { inside: Interval[]; outside: Interval[] } {
  let outside = [interval];
  const inside: Interval[] = [];
  for (const one of others) {
    inside.push(...outside.map((part) => ({ start: Math.max(part.start, one.start), end: Math.min(part.end, one.end) })));
    outside = outside.flatMap((part) => [
      { start: part.start, end: Math.min(part.end, one.start) },
      { start: Math.max(part.start, one.end), end: part.end },
    ]);
    outside = outside.filter(({ start, end }) => end > start);
  }
  return { inside: inside.filter(({ start, end }) => end > start), outside };
}
