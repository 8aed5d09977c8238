/** Times in milliseconds, and days in UTC, in which quotas, costs and statistics are counted. */
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** ISO 8601, as in all responses of the API. */
export const iso = (ms: number): string => new Date(ms).toISOString();

/** UTC day (YYYY-MM-DD) of a time. */
export const utcDay = (ms: number): string => iso(ms).slice(0, 10);
/** Days since 1970. */
export const dayNumber = (ms: number): number => Math.floor(ms / DAY_MS);
export const startOfDay = (ms: number): number => dayNumber(ms) * DAY_MS;
export const startOfNextDay = (ms: number): number => startOfDay(ms) + DAY_MS;

/** The days from `fromMs` to `toMs`, both inclusive. */
export const utcDays = (fromMs: number, toMs: number): string[] =>
  Array.from({ length: Math.max(0, dayNumber(toMs) - dayNumber(fromMs) + 1) }, (_, n) => utcDay(fromMs + n * DAY_MS));
