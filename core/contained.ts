/** Loops over work of many users: an item that throws or hangs is reported and skipped, and the others are processed. */

/** Time limit and error reporting of a loop. */
export interface Containment {
  /** No item is started after this time; the next pass continues. */
  readonly untilMs: number;
  readonly nowMs: () => number;
  /** Logs and counts a failed item. */
  readonly failed: (id: string, error: unknown) => Promise<void>;
}

/** What a loop does with an item. */
export interface ContainedWork<T> {
  /** Identifies an item in the log. */
  readonly idOf: (item: T) => string;
  readonly work: (item: T) => Promise<void>;
  /** Moves a failed item behind the others, so that it is not first in every pass. */
  readonly postpone?: (item: T) => Promise<void>;
  /** @default 1 */
  readonly atOnce?: number;
  /** Time limit per item. @default ITEM_SECONDS */
  readonly seconds?: number;
}

/** Work that exceeds its limit continues unobserved; everything in these loops can be repeated. */
const ITEM_SECONDS = 30;
/** Time limit for reporting a failed item, and for moving it. */
const NOTE_SECONDS = 5;

class TooSlow extends Error {
  override readonly name = 'TooSlow';
}

/** @throws TooSlow when the work exceeds this time */
async function within<T>(ms: number, work: () => Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new TooSlow(`the item took longer than ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([work(), limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** Result of a loop. */
export interface Contained {
  readonly errors: readonly unknown[];
  /** Items that were not started in time. */
  readonly left: number;
}

/** Runs the work on each item. Never throws. */
export async function forEachContained<T>(
  items: readonly T[],
  { idOf, work, postpone, atOnce = 1, seconds = ITEM_SECONDS }: ContainedWork<T>,
  { untilMs, nowMs, failed }: Containment,
): Promise<Contained> {
  const left = [...items].reverse();
  const errors: unknown[] = [];
  const limitMs = (): number => Math.min(1000 * seconds, untilMs - nowMs());
  const note = async (item: T, error: unknown): Promise<void> => {
    errors.push(error);
    // A report that fails or hangs must not affect other items.
    await within(1000 * NOTE_SECONDS, () => failed(idOf(item), error)).catch(() => undefined);
  };
  const serve = async (item: T): Promise<void> => {
    try {
      await within(limitMs(), () => work(item));
    } catch (error) {
      await note(item, error);
      if (postpone !== undefined)
        await within(1000 * NOTE_SECONDS, () => postpone(item)).catch((postponeError) => note(item, postponeError));
    }
  };
  const runner = async (): Promise<void> => {
    while (limitMs() > 0) {
      const item = left.pop();
      if (item === undefined) return;
      await serve(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, runner));
  return { errors, left: left.length };
}

/** Limits a loop to the first share of the remaining time, for loops that are followed by others. */
export const shareOf = (containment: Containment, share: number): Containment => ({
  ...containment,
  untilMs: containment.nowMs() + share * (containment.untilMs - containment.nowMs()),
});

/** Processes all items, then throws if any failed or was not started, so that the sender delivers them again. */
export async function allOrThrow<T>(items: readonly T[], work: ContainedWork<T>, containment: Containment): Promise<void> {
  const { errors, left } = await forEachContained(items, work, containment);
  if (errors.length + left > 0)
    throw new AggregateError(errors, `${errors.length} of ${items.length} failed, ${left} were not started`);
}
