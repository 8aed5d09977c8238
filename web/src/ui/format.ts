/** Formats numbers and times for display, in the browser's language. */

const twoDigits = (value: number): string => String(value).padStart(2, '0');

/** Seconds -> `1:05`, `2:03:09` */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${twoDigits(m)}:${twoDigits(s)}` : `${m}:${twoDigits(s)}`;
}

/** Seconds -> `40 s`, `5 min`, `3 h 20 min` */
export function span(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  return minutes % 60 === 0 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
export const dateTime = (at: string | number): string => DATE.format(new Date(at));

const UNITS = ['B', 'KB', 'MB', 'GB'];
export function bytes(count: number): string {
  let [value, unit] = [count, 0];
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(value < 10 && unit > 1 ? 1 : 0)} ${UNITS[unit]}`;
}

export const usd = (value: number): string => `$${value.toFixed(value > 0 && value < 0.1 ? 3 : 2)}`;
export const percent = (share: number): string => `${Math.round(100 * share)} %`;
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString()} ${count === 1 ? one : many}`;
