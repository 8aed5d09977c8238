/** Every code that a client of the API can meet; part of the API. */
export type ErrorCode =
  | 'malformed'
  | 'unauthorized'
  | 'forbidden'
  | 'not-found'
  | 'chunk-exists'
  | 'not-failed'
  | 'edits-changed'
  | 'session-active'
  | 'lock-expired'
  | 'not-recording'
  | 'too-many'
  | 'quota-reached'
  | 'upload-incomplete'
  | 'already-over'
  | 'idempotency-mismatch'
  | 'not-ready'
  | 'deleted'
  | 'too-large'
  | 'unsupported-type'
  | 'invalid'
  | 'budget-reached'
  | 'no-capacity'
  | 'busy';

/** Something the caller can act on. `message` is for people and goes out as it is; a cause never does. */
export class DomainError extends Error {
  override readonly name = 'DomainError';
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
  }
}
