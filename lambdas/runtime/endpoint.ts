/**
 * The middy chain shared by all HTTP functions. A function serves the routes of one capability; API Gateway matches the route.
 *
 * Steps of a request: normalize headers -> identify the caller -> parse body or query -> validate against the schema -> apply rate
 * limits -> run the route -> map errors to problem+json.
 */
import middy from '@middy/core';
import httpHeaderNormalizer from '@middy/http-header-normalizer';
import httpJsonBodyParser from '@middy/http-json-body-parser';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import * as z from 'zod';
import type { CallId } from '../../core/contracts/calls/all.ts';
import { DomainError } from '../../core/errors.ts';
import type { Caller } from '../../core/sessions/access.ts';
import { type Admit, type LimitDeps, limits } from './limits.ts';
import { logger } from './logger.ts';
import { toProblem } from './problem.ts';

export type Reply = APIGatewayProxyStructuredResultV2;
export const json = (statusCode: number, body: unknown): Reply => ({
  statusCode,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  body: JSON.stringify(body),
});

export interface Request<Input> {
  readonly input: Input;
  readonly caller: Caller;
  /** Path parameter `id`; empty when the route has none. */
  readonly id: string;
  /** Path parameter `n`; empty when the route has none. */
  readonly n: string;
  /** Headers by lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
}
interface RouteContext {
  readonly clientId: string;
  readonly admit: Admit;
}
type Route = (event: APIGatewayProxyEventV2, context: RouteContext) => Promise<Reply>;

/** Access and ID tokens of the stage's own client. The authorizer has verified signature, issuer and times. */
const Claims = z.object({
  sub: z.string().regex(/^[A-Za-z0-9-]{1,128}$/),
  token_use: z.enum(['access', 'id']),
  client_id: z.string().optional(),
  aud: z.string().optional(),
  'cognito:groups': z.string().optional(),
});

function callerOf(event: APIGatewayProxyEventV2, clientId: string): Caller {
  const authorized = z.object({ authorizer: z.object({ jwt: z.object({ claims: Claims }) }) }).safeParse(event.requestContext);
  const claims = authorized.data?.authorizer.jwt.claims;
  const audience = claims?.token_use === 'access' ? claims.client_id : claims?.aud;
  if (claims === undefined || audience !== clientId) throw new DomainError('unauthorized', 'this token is not for this API');
  // Groups arrive as one string: "[admin other]".
  const groups = (claims['cognito:groups'] ?? '').replace(/^\[|\]$/g, '').split(/[\s,]+/);
  return { userId: claims.sub, isAdmin: groups.includes('admin') };
}

/** @throws DomainError `forbidden` */
export function adminOnly({ isAdmin }: Caller): void {
  if (!isAdmin) throw new DomainError('forbidden', 'only members of the group admin may do this');
}

const UNPAIRED_SURROGATE = 'the text contains an unpaired surrogate';

/** Stores accept well-formed Unicode only. @throws ZodError with the path of each malformed text */
function refuseMalformedText(input: unknown): void {
  const issues: z.core.$ZodIssue[] = [];
  const look = (value: unknown, path: readonly PropertyKey[]): void => {
    if (typeof value === 'string' && !value.isWellFormed())
      issues.push({ code: 'custom', path: [...path], message: UNPAIRED_SURROGATE, input: value });
    if (typeof value === 'object' && value !== null)
      for (const [name, part] of Object.entries(value)) look(part, [...path, name]);
  };
  look(input, []);
  if (issues.length > 0) throw new z.ZodError(issues);
}

function accepted<Schema extends z.ZodType>(schema: Schema, raw: unknown): z.infer<Schema> {
  const input = schema.parse(raw);
  refuseMalformedText(input);
  return input;
}

const route =
  <Schema extends z.ZodType>(
    raw: (event: APIGatewayProxyEventV2) => unknown,
    schema: Schema,
    run: (request: Request<z.infer<Schema>>) => Promise<Reply>,
  ): Route =>
  async (event, { clientId, admit }) => {
    const caller = callerOf(event, clientId);
    const { id = '', n = '' } = event.pathParameters ?? {};
    const input = accepted(schema, raw(event));
    await admit(event.routeKey, caller.userId);
    return run({ input, caller, id, n, headers: event.headers });
  };

const parseBody = httpJsonBodyParser();

/** The parsed JSON body; undefined without a body. */
function bodyOf({ headers, body, isBase64Encoded }: APIGatewayProxyEventV2): unknown {
  if (!body) return undefined;
  const request = { event: { headers, body, isBase64Encoded } };
  parseBody.before?.(request as Parameters<NonNullable<typeof parseBody.before>>[0]);
  return request.event.body;
}

/** A route with a JSON body. The body is optional if the schema accepts `undefined`. */
export const bodyRoute = <Schema extends z.ZodType>(
  schema: Schema,
  run: (request: Request<z.infer<Schema>>) => Promise<Reply>,
): Route => {
  const isOptional = schema.safeParse(undefined).success;
  return route(
    (event) => {
      const body = bodyOf(event);
      if (body === undefined && !isOptional) throw new DomainError('invalid', 'this call requires a JSON body');
      return body;
    },
    schema,
    run,
  );
};

/** A route with a query string. A body is ignored. */
export const queryRoute = <Schema extends z.ZodType>(
  schema: Schema,
  run: (request: Request<z.infer<Schema>>) => Promise<Reply>,
): Route => route((event) => event.queryStringParameters ?? {}, schema, run);

/** Builds the handler of one capability from its routes. */
export function endpoints(routes: { readonly [Call in CallId]?: Route }, clientId: string, limitDeps: LimitDeps) {
  const served = new Map<string, Route>(Object.entries(routes));
  const context: RouteContext = { clientId, admit: limits(Object.keys(routes), limitDeps) };
  return middy<APIGatewayProxyEventV2, Reply>()
    .use(httpHeaderNormalizer())
    .onError((request) => {
      request.response = toProblem(request.error, (error) => logger.error('request failed', error as Error));
    })
    .handler(async (event) => {
      const serve = served.get(event.routeKey);
      if (serve === undefined) throw new DomainError('not-found', 'there is no such route');
      return serve(event, context);
    });
}
