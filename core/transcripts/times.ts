/** Rounds to milliseconds, to hide the errors of binary fractions. */
export const round = (seconds: number): number => Math.round(seconds * 1000) / 1000;
