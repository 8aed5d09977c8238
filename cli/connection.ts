/**
 * Which stage the command line talks to, and as whom: the environment says it, or the local host that runs on this machine.
 *
 *   CHUNKSCRIBE_API        address of the API (output ApiUrl of the stack)
 *   CHUNKSCRIBE_TOKEN      an access token; or CHUNKSCRIBE_EMAIL, CHUNKSCRIBE_PASSWORD and CHUNKSCRIBE_CLIENT_ID
 *                          (output UserPoolClientId), in the region of the AWS configuration
 *   CHUNKSCRIBE_BUCKET     output BucketName; only self-test needs it, with AWS credentials
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

/** What is told to a person as it is; `code` is the exit status. */
export class CliError extends Error {
  readonly code: number;
  constructor(message: string, code = 1) {
    super(message);
    this.code = code;
  }
}

const HostNote = z.object({
  url: z.string(),
  endpoint: z.string(),
  clientId: z.string(),
  bucketName: z.string(),
  logs: z.string(),
  operator: z.object({ email: z.string(), password: z.string() }),
});

const PROJECT = join(import.meta.dirname, '..');
const HOST_FOLDER = process.env['CHUNKSCRIBE_HOME'] ?? join(PROJECT, '.local', 'host');

const HELP =
  'start one here with npm start, or say which: CHUNKSCRIBE_API and CHUNKSCRIBE_TOKEN (or CHUNKSCRIBE_EMAIL, …_PASSWORD, …_CLIENT_ID)';

/** The note of the local host that runs, or ran last; undefined where the environment names a stage. @throws CliError without either */
export function localHost(): z.infer<typeof HostNote> | undefined {
  if (process.env['CHUNKSCRIBE_API'] !== undefined) return undefined;
  const file = join(HOST_FOLDER, 'run', 'host.json');
  const note = existsSync(file) ? HostNote.safeParse(JSON.parse(readFileSync(file, 'utf8'))).data : undefined;
  if (note === undefined) throw new CliError(`No stage: ${HELP}`);
  return note;
}

/** An access token. Where nothing else is given, region and endpoint are those of this machine's AWS configuration. */
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
    throw new CliError(`${email} cannot sign in: ${error.message}`);
  }
  throw new CliError(`${email} has a temporary password: sign in on the page once`);
}

/** Where the API is, and an access token for it. */
export interface Credentials {
  readonly api: string;
  readonly token: string;
}

async function credentials(): Promise<Credentials> {
  const env = process.env;
  const api = env['CHUNKSCRIBE_API']?.replace(/\/$/, '') ?? '';
  const host = localHost();
  if (host !== undefined) {
    const { email, password } = host.operator;
    const to = { endpoint: host.endpoint, region: 'us-east-1' };
    const token = await signIn(to, host.clientId, email, password).catch((error: Error) => {
      throw error instanceof CliError ? error : new CliError(`The local host does not run (${host.url}): npm start`);
    });
    return { api: host.url, token };
  }
  if (env['CHUNKSCRIBE_TOKEN'] !== undefined) return { api, token: env['CHUNKSCRIBE_TOKEN'] };
  const [email, password, clientId] = ['EMAIL', 'PASSWORD', 'CLIENT_ID'].map((name) => env[`CHUNKSCRIBE_${name}`]);
  if (!email || !password || !clientId) throw new CliError(`Nobody is signed in: ${HELP}`);
  return { api, token: await signIn({}, clientId, email, password) };
}

const Problem = z.object({ code: z.string(), detail: z.string() });
/** An answer that was an error; `code` is the API's. */
class ApiProblem extends CliError {
  readonly problem: string;
  constructor(status: number, problem: string, detail: string) {
    super(status === 403 ? `${detail} (sign in as an admin)` : detail);
    this.problem = problem;
  }
}

export type Call = <Schema extends z.ZodType>(
  method: string,
  path: string,
  answer: Schema,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<z.infer<Schema>>;

/** Calls of the HTTP API; signs in at the first one. */
export function connection(): { call: Call; text: (path: string) => Promise<string>; credentials: () => Promise<Credentials> } {
  let signedIn: ReturnType<typeof credentials> | undefined;
  async function send(
    method: string,
    path: string,
    body?: unknown,
    more: Readonly<Record<string, string>> = {},
    isAgain = false,
  ): Promise<Response> {
    signedIn ??= credentials().catch((error: unknown) => {
      signedIn = undefined;
      throw error;
    });
    const { api, token } = await signedIn;
    const headers = {
      ...more,
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    };
    const answer = await fetch(`${api}${path}`, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }).catch((error: Error) => {
      throw new CliError(`${api} cannot be reached: ${error.cause instanceof Error ? error.cause.message : error.message}`);
    });
    if (answer.ok) return answer;
    if (answer.status === 401) {
      signedIn = undefined;
      // A token ends after an hour; who runs for longer signs in again.
      if (!isAgain) return send(method, path, body, more, true);
      throw new ApiProblem(401, 'unauthorized', 'Nobody is signed in: the token is wrong or has expired');
    }
    const problem = Problem.safeParse(await answer.json().catch(() => undefined)).data;
    throw new ApiProblem(answer.status, problem?.code ?? 'unknown', problem?.detail ?? `${method} ${path}: ${answer.status}`);
  }
  return {
    async call(method, path, schema, body, headers) {
      const answer = await send(method, path, body, headers);
      return schema.parse(answer.status === 204 ? undefined : await answer.json());
    },
    text: async (path) => (await send('GET', path)).text(),
    credentials,
  };
}
