let counter = 0;
/** An id that no other test uses: the suites share tables. */
export const fresh = (prefix: string): string => `${prefix}${process.pid}_${Date.now()}_${++counter}`;
