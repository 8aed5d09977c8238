/**
 * HTTP connection to a stage: the one named by the environment, or the local host on this machine.
 *
 *   CHUNKSCRIBE_API        address of the API (output ApiUrl of the stack)
 *   CHUNKSCRIBE_TOKEN      an access token; or CHUNKSCRIBE_EMAIL, CHUNKSCRIBE_PASSWORD and CHUNKSCRIBE_CLIENT_ID
 *                          (output UserPoolClientId), in the region of the AWS configuration
 *   CHUNKSCRIBE_BUCKET     output BucketName; only for self-test, which also needs AWS credentials
 *
 * Gotchas: the client signs in on the first call, once more after a 401, and waits for Retry-After when it is rate limited.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CognitoIdentityProviderClient,
  type CognitoIdentityProviderClientConfig,
  CognitoIdentityProviderServiceException,
  InitiateAuthCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import * as z from 'zod';
import { type ApiClient, type ApiRequest, apiClient, requestOf, type Transport } from '../core/contracts/calls/client.ts';

/** Exit status of an invalid usage. */
export const USAGE_ERROR = 64;

/** An error whose message is printed without a stack trace; `code` is the exit status. */
export class CliError extends Error {
  readonly code: number;
  constructor(message: string, code = 1) {
    super(message);
    this.code = code;
  }
}

/** The stage is unreachable or the user cannot sign in, so every other call would fail as well. */
class StageError extends CliError {}

const HostNote = z.object({
  url: z.string(),
  endpoint: z.string(),
  clientId: z.string(),
  bucketName: z.string(),
  logs: z.string(),
  operator: z.object({ email: z.string(), password: z.string() }),
  /** Key for requests to the local host's emulator. Hosts of earlier versions accept any key. */
  credentials: z
    .object({ accessKeyId: z.string(), secretAccessKey: z.string() })
    .default({ accessKeyId: 'test', secretAccessKey: 'test' }),
  /** Absent in notes of earlier versions. */
  model: z.object({ name: z.string(), languages: z.string() }).optional(),
});

const PROJECT = join(import.meta.dirname, '..');
const HOST_FOLDER = process.env['CHUNKSCRIBE_HOME'] ?? join(PROJECT, '.local', 'host');

const HELP =
  'start one here with npm start, or set CHUNKSCRIBE_API and CHUNKSCRIBE_TOKEN (or CHUNKSCRIBE_EMAIL, …_PASSWORD, …_CLIENT_ID)';

/** Parses JSON; undefined for any other text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Note of the current or last local host; undefined if the environment names a stage. @throws StageError without either */
export function localHost(): z.infer<typeof HostNote> | undefined {
  if (process.env['CHUNKSCRIBE_API'] !== undefined) return undefined;
  const file = join(HOST_FOLDER, 'run', 'host.json');
  const note = existsSync(file) ? HostNote.safeParse(parsed(readFileSync(file, 'utf8'))).data : undefined;
  if (note === undefined) throw new StageError(`No stage: ${HELP}`);
  return note;
}

/** Returns an access token. Region and endpoint default to this machine's AWS configuration. */
async function signIn(
  to: CognitoIdentityProviderClientConfig,
  clientId: string,
  email: string,
  password: string,
): Promise<string> {
  try {
    const { AuthenticationResult } = await new CognitoIdentityProviderClient(to).send(
      new InitiateAuthCommand({
        ClientId: clientId,
        AuthFlow: 'USER_PASSWORD_AUTH',
        AuthParameters: { USERNAME: email, PASSWORD: password },
      }),
    );
    if (AuthenticationResult?.AccessToken !== undefined) return AuthenticationResult.AccessToken;
  } catch (error) {
    if (!(error instanceof CognitoIdentityProviderServiceException)) throw error;
    throw new StageError(`${email} cannot sign in: ${error.message}`);
  }
  throw new StageError(`${email} has a temporary password: sign in on the page once`);
}

/** The address of the API and an access token for it. */
export interface Credentials {
  readonly api: string;
  readonly token: string;
}

async function environmentCredentials(): Promise<Credentials> {
  const env = process.env;
  const api = env['CHUNKSCRIBE_API']?.replace(/\/$/, '') ?? '';
  const host = localHost();
  if (host !== undefined) {
    const { email, password } = host.operator;
    const to = { endpoint: host.endpoint, region: 'us-east-1' };
    const token = await signIn(to, host.clientId, email, password).catch((error: Error) => {
      throw error instanceof StageError ? error : new StageError(`The local host is not running (${host.url}): npm start`);
    });
    return { api: host.url, token };
  }
  if (env['CHUNKSCRIBE_TOKEN'] !== undefined) return { api, token: env['CHUNKSCRIBE_TOKEN'] };
  const [email, password, clientId] = ['EMAIL', 'PASSWORD', 'CLIENT_ID'].map((name) => env[`CHUNKSCRIBE_${name}`]);
  if (!email || !password || !clientId) {
    await checkStageApi(api);
    throw new StageError(`You are not signed in: ${HELP}`);
  }
  const token = await signIn({}, clientId, email, password).catch((error: Error) => {
    throw error instanceof StageError ? error : new StageError(`${email} cannot sign in: ${error.message}`);
  });
  return { api, token };
}

const HEALTH_MS = 10_000;
const Health = z.object({ status: z.string() });
const unreachable = (api: string, { message, cause }: Error): StageError =>
  new StageError(`cannot reach ${api}: ${cause instanceof Error ? cause.message || cause.name : message}`);

/** @throws StageError if the address is not the API of a stage */
async function checkStageApi(api: string): Promise<void> {
  if (!/^https?:/.test(api) || !URL.canParse(api))
    throw new StageError(`CHUNKSCRIBE_API must be an address such as https://example.com, not ${api || 'empty'}`);
  const response = await fetch(`${api}${requestOf('GET /api/health').path}`, { signal: AbortSignal.timeout(HEALTH_MS) }).catch(
    (error: Error) => {
      throw unreachable(api, error);
    },
  );
  if (!Health.safeParse(parsed(await response.text())).success)
    throw new StageError(`${api} is not the API of a stage; use the stack's output ApiUrl`);
}

const Problem = z.object({
  code: z.string(),
  detail: z.string(),
  issues: z.array(z.object({ path: z.string(), message: z.string() })).default([]),
});

/** One line for an error response: the invalid fields if the API names any, else its detail. */
function lineOf(status: number, { detail, issues }: z.infer<typeof Problem>): string {
  if (status === 403) return `${detail} (sign in as an admin)`;
  const fields = issues
    .filter(({ message }) => message !== detail)
    .map(({ path, message }) => `${path || 'request'}: ${message}`);
  return fields.length > 0 ? fields.join('; ') : detail;
}

const TOO_MANY = 429;

/** An error response of the API; `problem` is its code. */
class ApiProblem extends CliError {
  readonly status: number;
  readonly problem: string;
  /** From Retry-After; 1 without it. */
  readonly retryAfterSeconds: number;
  constructor(status: number, problem: z.infer<typeof Problem>, retryAfter: string | null = null) {
    super(lineOf(status, problem));
    this.retryAfterSeconds = Number(retryAfter) || 1;
    this.status = status;
    this.problem = problem.code;
  }
}

/** The error of a response. @throws StageError if it is not from the API of a stage */
async function problemOf(api: string, { method, path }: ApiRequest, response: Response): Promise<ApiProblem> {
  const problem = Problem.safeParse(parsed(await response.text())).data;
  if (problem !== undefined) return new ApiProblem(response.status, problem, response.headers.get('retry-after'));
  if (response.status !== TOO_MANY) await checkStageApi(api);
  const detail = `${method} ${path} failed (${response.status})`;
  return new ApiProblem(response.status, { code: 'unknown', detail, issues: [] });
}

/** Whether it is the API's error with this code. */
export const isProblem = (error: unknown, code: string): boolean => error instanceof ApiProblem && error.problem === code;

/** Whether every other call to the stage would fail with the same error. */
export const isStageWide = (error: unknown): boolean =>
  error instanceof StageError ||
  error instanceof z.ZodError ||
  (error instanceof ApiProblem && [401, 403].includes(error.status));

/** Rate limits reset within a minute, so more 429s in a row are not temporary. */
const MAX_RETRIES = 5;
const pause = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

/** Whether the same call succeeds after a short wait. Quotas (daily, open jobs) do not: the user must see them. */
const isRateLimited = (error: unknown): error is ApiProblem =>
  error instanceof ApiProblem && error.status === TOO_MANY && error.problem !== 'quota-reached';

/** A stage, called by the signed-in user. */
export interface Connection {
  readonly api: ApiClient;
  credentials(): Promise<Credentials>;
}

/** Connects to the stage of the environment. `wait` pauses before a retry, in seconds. */
export const connection = (wait = pause): Connection => connectionAs(environmentCredentials, wait);

/** Connects as the user that `credentials` signs in. */
export function connectionAs(credentials: () => Promise<Credentials>, wait = pause): Connection {
  let signedIn: ReturnType<typeof credentials> | undefined;
  async function sendOnce(request: ApiRequest, isRetry = false): Promise<Response> {
    signedIn ??= credentials().catch((error: unknown) => {
      signedIn = undefined;
      throw error;
    });
    const { api, token } = await signedIn;
    const { path, headers, ...rest } = request;
    const options = { ...rest, headers: { ...headers, authorization: `Bearer ${token}` } };
    const response = await fetch(`${api}${path}`, options).catch(async (error: Error) => {
      await checkStageApi(api);
      throw unreachable(api, error);
    });
    if (response.ok) return response;
    if (response.status !== 401) throw await problemOf(api, request, response);
    signedIn = undefined;
    // A token expires after an hour: sign in again.
    if (!isRetry) return sendOnce(request, true);
    await checkStageApi(api);
    const detail = 'You are not signed in: the token is wrong or has expired';
    throw new ApiProblem(401, { code: 'unauthorized', detail, issues: [] });
  }
  const transport: Transport = {
    async send(request) {
      for (let left = MAX_RETRIES; ; left--) {
        try {
          return await sendOnce(request);
        } catch (error) {
          if (!isRateLimited(error) || left === 0) throw error;
          await wait(error.retryAfterSeconds);
        }
      }
    },
    diagnose: async () => checkStageApi((await (signedIn ?? credentials())).api),
  };
  return { api: apiClient(transport), credentials };
}
