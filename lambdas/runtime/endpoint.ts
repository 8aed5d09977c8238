/**
 * The one middy chain of the HTTP functions: headers normalised, body parsed, caller known, input parsed by its schema,
 * errors mapped. A function serves the routes of one capability; API Gateway has matched the route before.
 */
import middy from '@middy/core';
import httpHeaderNormalizer from '@middy/http-header-normalizer';
import httpJsonBodyParser from '@middy/http-json-body-parser';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import * as z from 'zod';
import { DomainError } from '../../core/errors.ts';
import type { Caller } from '../../core/sessions/access.ts';
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
  /** Path parameter; the route names it, so it is there. */
  readonly id: string;
  /** Second path parameter, where the route has one. */
  readonly n: string;
  /** Headers by lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
}
export type Route = (event: APIGatewayProxyEventV2, clientId: string) => Promise<Reply>;

/** Access and ID tokens of our own client, nothing else. The authorizer has checked signature, issuer and times. */
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

const route =
  <Schema extends z.ZodType>(
    raw: (event: APIGatewayProxyEventV2) => unknown,
    schema: Schema,
    run: (request: Request<z.infer<Schema>>) => Promise<Reply>,
  ): Route =>
  async (event, clientId) => {
    const caller = callerOf(event, clientId);
    const { id = '', n = '' } = event.pathParameters ?? {};
    return run({ input: schema.parse(raw(event)), caller, id, n, headers: event.headers });
  };

/** A call with a JSON body. */
export const bodyRoute = <Schema extends z.ZodType>(
  schema: Schema,
  run: (request: Request<z.infer<Schema>>) => Promise<Reply>,
): Route => route((event) => event.body ?? {}, schema, run);

/** A call with a query string. */
export const queryRoute = <Schema extends z.ZodType>(
  schema: Schema,
  run: (request: Request<z.infer<Schema>>) => Promise<Reply>,
): Route => route((event) => event.queryStringParameters ?? {}, schema, run);

/** The handler of one capability: routes by API Gateway's route key, e.g. `POST /api/sessions`. */
export function endpoints(routes: Readonly<Record<string, Route>>, clientId: string) {
  const parseBody = httpJsonBodyParser();
  return middy<APIGatewayProxyEventV2, Reply>()
    .use(httpHeaderNormalizer())
    .before(async (request) => {
      if (request.event.body) await parseBody.before?.(request as Parameters<NonNullable<typeof parseBody.before>>[0]);
    })
    .onError((request) => {
      request.response = toProblem(request.error, (error) => logger.error('request failed', error as Error));
    })
    .handler(async (event) => {
      const serve = routes[event.routeKey];
      if (serve === undefined) throw new DomainError('not-found', 'there is no such call');
      return serve(event, clientId);
    });
}
