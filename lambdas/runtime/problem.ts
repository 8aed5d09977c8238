/** Maps errors to responses: RFC 9457 problem+json with a stable `code`. */
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import * as z from 'zod';
import type { ErrorCode } from '../../core/contracts/errors.ts';
import { DomainError } from '../../core/errors.ts';

/** HTTP status of each code. */
export const STATUS = {
  malformed: 400,
  unauthorized: 401,
  forbidden: 403,
  'not-found': 404,
  'chunk-exists': 409,
  'not-failed': 409,
  'edits-changed': 409,
  'corrections-changed': 409,
  'session-active': 409,
  'lock-expired': 409,
  'not-recording': 409,
  'too-many': 429,
  'quota-reached': 429,
  'upload-incomplete': 409,
  'already-over': 409,
  'idempotency-mismatch': 422,
  'not-ready': 409,
  deleted: 410,
  'too-large': 413,
  'unsupported-type': 415,
  invalid: 422,
  'budget-reached': 409,
  'no-capacity': 503,
  busy: 503,
} as const satisfies Record<ErrorCode, number>;

interface Problem {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

const FROM_MIDDLEWARE: Readonly<Record<number, ErrorCode>> = {
  400: 'malformed',
  413: 'too-large',
  415: 'unsupported-type',
  422: 'malformed',
};

/** Maps middy's errors that clients cause; undefined for all others. */
function fromMiddleware(error: unknown): Problem | undefined {
  const status = z.object({ statusCode: z.number() }).safeParse(error).data?.statusCode;
  const code = status === undefined ? undefined : FROM_MIDDLEWARE[status];
  if (code === undefined) return undefined;
  return {
    status: STATUS[code],
    code,
    detail: code === 'malformed' ? 'the body is not JSON' : 'the body must be application/json',
  };
}

function problemOf(error: unknown): Problem {
  if (error instanceof DomainError) {
    return { status: STATUS[error.code], code: error.code, detail: error.message, details: error.details };
  }
  if (error instanceof z.ZodError) {
    const issues = error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message }));
    // A custom check may add machine-readable details, such as the supported languages.
    const custom = error.issues.find((issue) => issue.code === 'custom' && issue.params !== undefined);
    const detail = custom?.message ?? 'the request does not match the schema of this call';
    return { status: 422, code: 'invalid', detail, details: { ...(custom?.code === 'custom' && custom.params), issues } };
  }
  return fromMiddleware(error) ?? { status: 500, code: 'internal', detail: 'internal error; its cause is in the log' };
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  410: 'Gone',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

const RETRY_SECONDS = 5;
const retryAfter = (status: number, details: Problem['details']): Record<string, string> =>
  status === 503 || status === 429 ? { 'retry-after': String(details?.['retryAfterSeconds'] ?? RETRY_SECONDS) } : {};

/** The response for an error. Errors with a status of 500 or more are passed to `log`. */
export function toProblem(error: unknown, log: (error: unknown) => void): APIGatewayProxyStructuredResultV2 {
  const { status, code, detail, details } = problemOf(error);
  if (status >= 500) log(error);
  return {
    statusCode: status,
    headers: { 'content-type': 'application/problem+json', ...retryAfter(status, details) },
    body: JSON.stringify({ type: 'about:blank', title: TITLES[status], status, code, detail, ...details }),
  };
}
