/** Generates docs/openapi.json, the OpenAPI document of all calls in core/contracts/calls. */
import * as z from 'zod';
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi';
import { GatewayRefusal, Problem } from '../core/contracts/answers.ts';
import { CALLS, TAGS, tagOf } from '../core/contracts/calls/all.ts';
import type { ApiCall } from '../core/contracts/calls/call.ts';
import type { ErrorCode } from '../core/contracts/errors.ts';
import { BINARY_TYPES } from '../core/contracts/formats.ts';
import { NoteId } from '../core/contracts/notes.ts';
import { VERSION } from '../core/contracts/version.ts';
import { STATUS } from '../lambdas/runtime/problem.ts';

const PROBLEM = Problem.meta({ id: 'Problem' });
const PATH_PARAMETERS = {
  id: z.string().meta({ description: 'Id of the session, job, run or delivery.' }),
  n: z
    .string()
    .regex(/^[1-9]\d{0,4}$/)
    .meta({ description: 'Number of the chunk.' }),
  note: NoteId.meta({ description: 'Id of the note.' }),
};

/** Error responses, with the error codes grouped by status. */
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

const fileOf = (type: string): z.ZodType => (BINARY_TYPES.includes(type) ? z.string().meta({ format: 'binary' }) : z.string());

/** A success response: JSON, and files in the other media types. */
const successOf = (schema: z.ZodType, files: readonly string[]) => ({
  description: 'success',
  content: { 'application/json': { schema }, ...Object.fromEntries(files.map((type) => [type, { schema: fileOf(type) }])) },
});

function responses({ answers, errors = [], access, body, files = [] }: ApiCall): ZodOpenApiResponsesObject {
  const always: ErrorCode[] = [
    ...(access === 'anyone' ? [] : (['unauthorized', 'invalid', 'too-many'] as const)),
    ...(body ? (['malformed'] as const) : []),
  ];
  const successes = Object.entries(answers).map(([status, schema]) => [
    status,
    schema === null ? { description: 'no content' } : successOf(schema, files),
  ]);
  return { ...Object.fromEntries(successes), ...problems([...new Set([...always, ...errors])]) };
}

const bodyOf = (schema: z.ZodType) => ({
  required: !schema.safeParse(undefined).success,
  content: { 'application/json': { schema } },
});

function operation(path: string, call: ApiCall): ZodOpenApiOperationObject {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as keyof typeof PATH_PARAMETERS);
  const parameters = z.object(Object.fromEntries(names.map((name) => [name, PATH_PARAMETERS[name]])));
  return {
    operationId: call.operationId,
    tags: [tagOf(path)],
    summary: call.summary,
    ...((names.length > 0 || call.query || call.headers) && {
      requestParams: {
        ...(names.length > 0 && { path: parameters }),
        ...(call.query && { query: call.query }),
        ...(call.headers && { header: call.headers }),
      },
    }),
    ...(call.body && { requestBody: bodyOf(call.body) }),
    responses: responses(call),
    ...(call.access === 'anyone' && { security: [] }),
  };
}

/** Returns the content of docs/openapi.json. */
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
      version: VERSION,
      description:
        "Recordings in chunks, transcribed on your own AWS account. Every call needs a token of the stage's user pool. " +
        'Numbers in paths and queries are plain decimals (`1`, not `01` or `1e0`). Calls that describe no body ignore one.',
    },
    servers: [{ url: '/', description: 'The origin that serves this document.' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
    security: [{ token: [] }],
    paths,
  });
}
