/** Logs an error that does not fail the call. */
export type Warn = (message: string, error: unknown) => void;
