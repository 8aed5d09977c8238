/** All error codes of the API. */
export type ErrorCode =
  | 'malformed'
  | 'unauthorized'
  | 'forbidden'
  | 'not-found'
  | 'chunk-exists'
  | 'not-failed'
  | 'edits-changed'
  | 'corrections-changed'
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

/** An error that the caller can act on. `message` is sent to the client as it is; `cause` never is. */
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
