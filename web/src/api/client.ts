/** Client of the HTTP API: adds the access token, validates responses against their schemas, and maps errors to `ApiError`. */
import * as z from 'zod';
import { SignInError } from '../auth/cognito.ts';
import { accessToken, cachedToken } from '../auth/session.ts';
import { config } from '../config.ts';

const TIMEOUT_MS = 30_000;

/** A failed API call. `status` is 0 when there was no response. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly retryAfterSeconds: number | undefined;
  constructor(status: number, code: string, message: string, retryAfterSeconds?: number) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }
  /** Whether a retry may succeed: no connection, 429 or a server error. */
  get isTransient(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

const Problem = z.object({ code: z.string(), detail: z.string() });
async function errorOf(response: Response): Promise<ApiError> {
  const problem = Problem.safeParse(await response.json().catch(() => undefined)).data;
  const after = Number(response.headers.get('retry-after') ?? Number.NaN);
  const text = problem?.detail ?? `The server returned ${response.status}.`;
  return new ApiError(response.status, problem?.code ?? 'unknown', text, Number.isFinite(after) ? after : undefined);
}

interface Call {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

async function tokenOrError(isRejected: boolean): Promise<string> {
  try {
    return await accessToken(isRejected);
  } catch (error) {
    const isOffline = error instanceof SignInError && error.kind === 'offline';
    throw new ApiError(isOffline ? 0 : 401, isOffline ? 'offline' : 'signed-out', error instanceof Error ? error.message : '');
  }
}

async function send(method: string, path: string, { body, headers = {} }: Call, bearer: string): Promise<Response> {
  try {
    return await fetch(`${config().apiUrl}${path}`, {
      method,
      cache: 'no-store',
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: {
        ...headers,
        authorization: `Bearer ${bearer}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  } catch {
    throw new ApiError(0, 'offline', 'There is no connection.');
  }
}

/**
 * Sends a request, and repeats it once with a new token after a 401.
 * @throws ApiError for every status except success and 304
 */
export async function call(method: string, path: string, options: Call = {}): Promise<Response> {
  let response = await send(method, path, options, await tokenOrError(false));
  if (response.status === 401) response = await send(method, path, options, await tokenOrError(true));
  if (!response.ok && response.status !== 304) throw await errorOf(response);
  return response;
}

/** Sends a request and ignores the body of the response. */
export async function callVoid(method: string, path: string, body?: unknown): Promise<void> {
  await (await call(method, path, { body })).text();
}

/** Sends a request while the page is being unloaded. Failures are ignored. */
export function callOnUnload(method: string, path: string, body: unknown): void {
  const bearer = cachedToken();
  if (bearer === undefined) return;
  const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
  fetch(`${config().apiUrl}${path}`, { method, headers, body: JSON.stringify(body), keepalive: true }).catch(() => undefined);
}

/** Removes unknown fields: a newer server may send more than this version of the pages knows. */
function withoutUnknown(data: unknown, issues: readonly z.core.$ZodIssue[]): unknown {
  const copy: unknown = structuredClone(data);
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    const holder = issue.path.reduce<unknown>(
      (at, name) => (typeof at === 'object' && at !== null ? Reflect.get(at, name) : undefined),
      copy,
    );
    if (typeof holder === 'object' && holder !== null) for (const name of issue.keys) Reflect.deleteProperty(holder, name);
  }
  return copy;
}

/** Parses a response body, ignoring unknown fields. @throws ZodError when it does not match the schema */
export function parseBody<Schema extends z.ZodType>(schema: Schema, data: unknown): z.infer<Schema> {
  const result = schema.safeParse(data);
  return result.success ? result.data : schema.parse(withoutUnknown(data, result.error.issues));
}

/** Sends a request and returns the JSON body, parsed with the schema. */
export async function callJson<Schema extends z.ZodType>(
  schema: Schema,
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
): Promise<z.infer<Schema>> {
  return parseBody(schema, await (await call(method, path, { body, ...(headers && { headers }) })).json());
}

/** The message to show to the user for an error. */
export const errorMessage = (error: unknown): string =>
  error instanceof ApiError || error instanceof SignInError ? error.message : 'Something went wrong in these pages. Reload them.';
