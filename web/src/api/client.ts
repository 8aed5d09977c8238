/** Calls of the HTTP API: a token with each, answers held against their schemas, errors in words. */
import * as z from 'zod';
import { SignInError } from '../auth/cognito.ts';
import { accessToken, tokenAtHand } from '../auth/session.ts';
import { config } from '../config.ts';

const TIMEOUT_MS = 30_000;

/** An answer that was not the expected one; `status` 0: there was none. */
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
  /** What may pass by itself: no connection, too much at once, trouble on the other side. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

const Problem = z.object({ code: z.string(), detail: z.string() });
async function refused(answer: Response): Promise<ApiError> {
  const said = Problem.safeParse(await answer.json().catch(() => undefined)).data;
  const after = Number(answer.headers.get('retry-after') ?? Number.NaN);
  const text = said?.detail ?? `the server answered ${answer.status}`;
  return new ApiError(answer.status, said?.code ?? 'unknown', text, Number.isFinite(after) ? after : undefined);
}

interface Call {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

async function token(isRefused: boolean): Promise<string> {
  try {
    return await accessToken(isRefused);
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

/** @throws ApiError for every answer but success and 304 */
export async function call(method: string, path: string, options: Call = {}): Promise<Response> {
  let answer = await send(method, path, options, await token(false));
  if (answer.status === 401) answer = await send(method, path, options, await token(true));
  if (!answer.ok && answer.status !== 304) throw await refused(answer);
  return answer;
}

/** A call whose answer says nothing more than that it was done. */
export async function tell(method: string, path: string, body?: unknown): Promise<void> {
  await (await call(method, path, { body })).text();
}

/** Sent while the page goes away, when nobody waits for an answer any more. */
export function callLast(method: string, path: string, body: unknown): void {
  const bearer = tokenAtHand();
  if (bearer === undefined) return;
  const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
  fetch(`${config().apiUrl}${path}`, { method, headers, body: JSON.stringify(body), keepalive: true }).catch(() => undefined);
}

/** Takes away what this version of the pages does not know yet: a newer server may say more. */
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

/** @throws ZodError when the answer is none of this call's */
export function parsed<Schema extends z.ZodType>(schema: Schema, data: unknown): z.infer<Schema> {
  const found = schema.safeParse(data);
  return found.success ? found.data : schema.parse(withoutUnknown(data, found.error.issues));
}

/** A call whose answer is JSON of this kind. */
export async function ask<Schema extends z.ZodType>(
  schema: Schema,
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
): Promise<z.infer<Schema>> {
  return parsed(schema, await (await call(method, path, { body, ...(headers && { headers }) })).json());
}

/** What to tell a person of an error. */
export const inWords = (error: unknown): string =>
  error instanceof ApiError || error instanceof SignInError ? error.message : 'Something went wrong in these pages. Reload them.';
