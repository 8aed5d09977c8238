/**
 * The middy chain shared by all HTTP functions. A function serves the routes of one capability; API Gateway matches the route.
 *
 * Steps of a request: normalize headers -> identify the caller -> parse the input by the contract -> apply rate limits -> refuse
 * other users than admins, if the contract requires them -> run the route -> map errors to problem+json.
 */
import middy from '@middy/core';
import httpHeaderNormalizer from '@middy/http-header-normalizer';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import type * as z from 'zod';
import { adminOnly, type Caller } from '../../core/caller.ts';
import { CALLS, type CallId } from '../../core/contracts/calls/all.ts';
import type { BodySchema, HeaderSchema, PathNames, QuerySchema } from '../../core/contracts/calls/types.ts';
import { DomainError } from '../../core/errors.ts';
import { callerOf } from './caller.ts';
import { type Input, inputOf } from './input.ts';
import { type LimitDeps, limits } from './limits.ts';
import { logger } from './logger.ts';
import { toProblem } from './problem.ts';
import { type AnyResult, type Reply, type Result, replyOf } from './reply.ts';

interface Context {
  readonly caller: Caller;
  /** The ETag that the client already has. */
  readonly ifNoneMatch: string | undefined;
}

type Parsed<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

/** What a route gets: the input as the contract declares it, and each path parameter by its name. */
type Request<Id extends CallId> = Context & {
  readonly body: Parsed<BodySchema<Id>>;
  readonly query: Parsed<QuerySchema<Id>>;
  readonly headers: Parsed<HeaderSchema<Id>>;
} & { readonly [Name in PathNames<Id>]: string };

type Routes = { readonly [Id in CallId]?: (request: Request<Id>) => Promise<Result<Id>> };
/** A route without the types of its call. */
type AnyRoute = (request: Context & Input & Readonly<Record<string, unknown>>) => Promise<AnyResult>;

/** The path parameters of a route by name; a missing one is empty. */
const pathOf = ({ routeKey, pathParameters = {} }: APIGatewayProxyEventV2): Record<string, string> =>
  Object.fromEntries([...routeKey.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => [name, pathParameters[name] ?? '']));

/** Builds the handler of one capability from its routes. */
export function endpoints(routes: Routes, clientId: string, limitDeps: LimitDeps) {
  // `inputOf` parses with the schemas that the route's type is derived from.
  const served = new Map(Object.entries(routes as Readonly<Record<string, AnyRoute>>));
  const admit = limits(Object.keys(routes), limitDeps);
  return middy<APIGatewayProxyEventV2, Reply>()
    .use(httpHeaderNormalizer())
    .onError((request) => {
      request.response = toProblem(request.error, (error) => logger.error('request failed', error as Error));
    })
    .handler(async (event) => {
      const [run, call] = [served.get(event.routeKey), CALLS[event.routeKey]];
      if (run === undefined || call === undefined) throw new DomainError('not-found', 'there is no such route');
      const caller = callerOf(event, clientId);
      const input = inputOf(call, event);
      await admit(event.routeKey, caller.userId);
      if (call.access === 'admin') adminOnly(caller);
      return replyOf(await run({ ...pathOf(event), ...input, caller, ifNoneMatch: event.headers['if-none-match'] }));
    });
}
