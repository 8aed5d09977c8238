/** The OpenAPI document of all calls in core/api/calls.ts. */
import { createRequire } from 'node:module';
import * as z from 'zod';
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi';
import { type ApiCall, CALLS } from '../core/api/calls.ts';
import { GatewayRefusal, Problem } from '../core/contracts/answers.ts';
import type { ErrorCode } from '../core/errors.ts';
import { STATUS } from '../lambdas/runtime/problem.ts';

const { version } = createRequire(import.meta.url)('../package.json');

const PROBLEM = Problem.meta({ id: 'Problem' });
const PATH_PARAMETERS = {
  id: z.string().meta({ description: 'id of the session, job, run or delivery' }),
  n: z.string().meta({ description: 'chunk number' }),
};

/** Codes of errors by their status. */
function problems(codes: readonly ErrorCode[]): ZodOpenApiResponsesObject {
  const byStatus = Map.groupBy(codes, (code) => STATUS[code]);
  return Object.fromEntries(
    [...byStatus].map(([status, same]) => [
      String(status),
      {
        description: same.join(', '),
        content: {
          'application/problem+json': { schema: PROBLEM },
          ...(status === STATUS.unauthorized && { 'application/json': { schema: GatewayRefusal } }),
        },
      },
    ]),
  );
}

/** JSON, and text of the other media types. */
const successOf = (schema: z.ZodType, texts: readonly string[]) => ({
  description: 'success',
  content: { 'application/json': { schema }, ...Object.fromEntries(texts.map((type) => [type, { schema: z.string() }])) },
});

function responses({ answers, errors = [], open, body, texts = [] }: ApiCall): ZodOpenApiResponsesObject {
  const always: ErrorCode[] = [
    ...(open ? [] : (['unauthorized', 'invalid'] as const)),
    ...(body ? (['malformed'] as const) : []),
  ];
  const good = Object.entries(answers).map(([status, schema]) => [
    status,
    schema === null ? { description: 'no content' } : successOf(schema, texts),
  ]);
  return { ...Object.fromEntries(good), ...problems([...new Set([...always, ...errors])]) };
}

function operation(path: string, call: ApiCall): ZodOpenApiOperationObject {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as keyof typeof PATH_PARAMETERS);
  const parameters = z.object(Object.fromEntries(names.map((name) => [name, PATH_PARAMETERS[name]])));
  return {
    summary: call.summary,
    ...((names.length > 0 || call.query || call.headers) && {
      requestParams: {
        ...(names.length > 0 && { path: parameters }),
        ...(call.query && { query: call.query }),
        ...(call.headers && { header: call.headers }),
      },
    }),
    ...(call.body && { requestBody: { required: true, content: { 'application/json': { schema: call.body } } } }),
    responses: responses(call),
    ...(call.open && { security: [] }),
  };
}

export function openapi(): unknown {
  const paths: ZodOpenApiPathsObject = {};
  for (const [route, call] of Object.entries(CALLS)) {
    const [method = '', path = ''] = route.split(' ');
    paths[path] = { ...paths[path], [method.toLowerCase()]: operation(path, call) };
  }
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Chunkscribe',
      version,
      description:
        "Recordings in chunks, transcribed on your own AWS account. Every call needs a token of the stage's user pool.",
    },
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
    security: [{ token: [] }],
    paths,
  });
}
