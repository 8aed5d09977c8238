/** Client of the HTTP API: adds the access token, refreshes it once, and maps errors to `ApiError`. */
import * as z from 'zod';
import { type ApiRequest, apiClient } from '../../../core/contracts/calls/client.ts';
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

async function tokenOrError(isRejected: boolean): Promise<string> {
  try {
    return await accessToken(isRejected);
  } catch (error) {
    const isOffline = error instanceof SignInError && error.kind === 'offline';
    throw new ApiError(isOffline ? 0 : 401, isOffline ? 'offline' : 'signed-out', error instanceof Error ? error.message : '');
  }
}

const withToken = ({ path, headers, ...request }: ApiRequest, bearer: string, options: RequestInit): Promise<Response> =>
  fetch(`${config().apiUrl}${path}`, { ...request, ...options, headers: { ...headers, authorization: `Bearer ${bearer}` } });

async function sendOnce(request: ApiRequest, bearer: string): Promise<Response> {
  try {
    return await withToken(request, bearer, { cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    throw new ApiError(0, 'offline', 'There is no connection.');
  }
}

/**
 * Sends a request, and repeats it once with a new token after a 401.
 * @throws ApiError for every status except success and 304
 */
async function send(request: ApiRequest): Promise<Response> {
  let response = await sendOnce(request, await tokenOrError(false));
  if (response.status === 401) response = await sendOnce(request, await tokenOrError(true));
  if (!response.ok && response.status !== 304) throw await errorOf(response);
  return response;
}

/** The API of the stage, called by the signed-in user. */
export const api = apiClient({ send });

/** Sends a request while the page is being unloaded. Failures are ignored. */
export function sendOnUnload(request: ApiRequest): void {
  const bearer = cachedToken();
  if (bearer !== undefined) withToken(request, bearer, { keepalive: true }).catch(() => undefined);
}

/** The message to show to the user for an error. */
export const errorMessage = (error: unknown): string =>
  error instanceof ApiError || error instanceof SignInError ? error.message : 'Something went wrong in these pages. Reload them.';
