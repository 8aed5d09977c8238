/**
 * Client of the HTTP API, derived from the contract: `api('GET /api/sessions/{id}', { path: { id } })`. The id of a call determines
 * the types of its parameters and of its result, and the result is validated at run time.
 *
 * Gotcha: the client only builds requests and parses bodies. Tokens, retries and errors belong to the transport.
 */
import type * as z from 'zod';
import { type CallId, calls } from './all.ts';
import { parseAnswer } from './answer.ts';
import type { ApiCall } from './call.ts';
import type { AnswerSchema, AnswerSchemas, BodySchema, HeaderSchema, PathNames, QuerySchema } from './types.ts';

type PathField<Id extends CallId> = [PathNames<Id>] extends [never]
  ? { readonly path?: never }
  : { readonly path: Readonly<Record<PathNames<Id>, string | number>> };
type OptionalField<Name extends string, Schema> = Schema extends z.ZodType ? { readonly [N in Name]?: z.input<Schema> } : unknown;
/** Required unless the schema accepts `undefined`. */
type BodyField<Schema> = Schema extends z.ZodType
  ? undefined extends z.input<Schema>
    ? { readonly body?: z.input<Schema> }
    : { readonly body: z.input<Schema> }
  : unknown;

/** Parameters of a call as a client passes them: fields with a default may be absent. */
export type CallInput<Id extends CallId> = PathField<Id> &
  OptionalField<'query', QuerySchema<Id>> &
  OptionalField<'headers', HeaderSchema<Id>> &
  BodyField<BodySchema<Id>>;
/** May be omitted if no parameter is required. */
type CallArguments<Id extends CallId> =
  Record<never, never> extends CallInput<Id> ? [input?: CallInput<Id>] : [input: CallInput<Id>];
/** Result of a successful call; undefined if its response has no body. */
export type CallResult<Id extends CallId> = Id extends CallId
  ? [AnswerSchema<Id>] extends [never]
    ? undefined
    : z.output<AnswerSchema<Id>>
  : never;

/** Calls that can also respond with a file, selected by `query.format`. */
type FileCallId = { [Id in CallId]: (typeof calls)[Id] extends { files: unknown } ? Id : never }[CallId];
/** Calls that can respond with 304. */
type ConditionalCallId = { [Id in CallId]: 304 extends keyof AnswerSchemas<Id> ? Id : never }[CallId];

/** Result of a conditional call; `etag` is for the next one. */
type IfChanged<Id extends CallId> =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'changed'; readonly etag: string; readonly result: CallResult<Id> };

/** A request to the API, without its address and token. */
export interface ApiRequest {
  readonly method: string;
  /** Path and query string. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Sends the requests of a client. */
export interface Transport {
  /** Resolves with a successful response or a 304. @throws for every other response, and without one */
  send(request: ApiRequest): Promise<Response>;
  /** Called for a successful response with an unexpected body. May throw an error that explains it; otherwise ZodError is thrown. */
  diagnose?(): Promise<void>;
}

/** The API of a stage, as a function of the id of a call. */
export interface ApiClient {
  /** Makes a call. @throws the errors of the transport, and ZodError for an unexpected body */
  <Id extends CallId>(id: Id, ...input: CallArguments<Id>): Promise<CallResult<Id>>;
  /** Returns the body as text, without validation. */
  text<Id extends FileCallId>(id: Id, ...input: CallArguments<Id>): Promise<string>;
  /** Returns the body as it is. */
  bytes<Id extends FileCallId>(id: Id, ...input: CallArguments<Id>): Promise<Uint8Array<ArrayBuffer>>;
  /** Makes a call unless its result still has this ETag; an empty ETag matches none. */
  ifChanged<Id extends ConditionalCallId>(id: Id, etag: string, ...input: CallArguments<Id>): Promise<IfChanged<Id>>;
}

/** The parameters of any call. */
interface AnyInput {
  readonly path?: Readonly<Record<string, string | number>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
}

/** The defined values as text. */
const textsOf = (values: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)] as const])),
  );

/** Builds the request of a call, for clients that send it by themselves. */
export function requestOf<Id extends CallId>(id: Id, ...input: CallArguments<Id>): ApiRequest;
export function requestOf(id: CallId, { path = {}, query = {}, headers = {}, body }: AnyInput = {}): ApiRequest {
  const [method = '', template = ''] = id.split(' ');
  const search = new URLSearchParams(textsOf(query)).toString();
  return {
    method,
    path: `${template.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String(path[name])))}${search && `?${search}`}`,
    headers: {
      ...textsOf(headers),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  };
}

/** Undefined for a text that is not JSON, which matches no schema. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Creates a client that sends its requests with this transport. */
export function apiClient({ send, diagnose }: Transport): ApiClient {
  async function parsed<Id extends CallId>(id: Id, response: Response): Promise<CallResult<Id>>;
  async function parsed(id: CallId, response: Response): Promise<unknown> {
    const { answers }: ApiCall = calls[id];
    const schema = Object.values(answers).find((answer) => answer !== null);
    const text = await response.text();
    if (schema === undefined) return undefined;
    try {
      return parseAnswer(schema, jsonOf(text));
    } catch (error) {
      await diagnose?.();
      throw error;
    }
  }
  const api = async <Id extends CallId>(id: Id, ...input: CallArguments<Id>): Promise<CallResult<Id>> =>
    parsed(id, await send(requestOf(id, ...input)));
  return Object.assign(api, {
    text: async <Id extends FileCallId>(id: Id, ...input: CallArguments<Id>): Promise<string> =>
      (await send(requestOf(id, ...input))).text(),
    bytes: async <Id extends FileCallId>(id: Id, ...input: CallArguments<Id>): Promise<Uint8Array<ArrayBuffer>> =>
      new Uint8Array(await (await send(requestOf(id, ...input))).arrayBuffer()),
    async ifChanged<Id extends ConditionalCallId>(id: Id, etag: string, ...input: CallArguments<Id>): Promise<IfChanged<Id>> {
      const { headers, ...request } = requestOf(id, ...input);
      const response = await send({ ...request, headers: { ...headers, ...(etag !== '' && { 'if-none-match': etag }) } });
      if (response.status !== 304)
        return { kind: 'changed', etag: response.headers.get('etag') ?? '', result: await parsed(id, response) };
      await response.text(); // reading the body frees the connection
      return { kind: 'unchanged' };
    },
  });
}
